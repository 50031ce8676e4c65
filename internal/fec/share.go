package fec

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// A Share is how much may be lost: of all blocks, in hundredths of a percent.
type Share int

// Limits of a Share.
const (
	MinShare Share = 10   // 0.1%
	MaxShare Share = 4000 // 40%
	whole    Share = 10000
)

// ParseShare reads a percentage with at most two decimal places: "10%", "2.5%".
func ParseShare(text string) (Share, error) {
	number, percent := strings.CutSuffix(text, "%")
	units, decimals, _ := strings.Cut(number, ".")
	if !percent || units == "" || len(units) > 3 || len(decimals) > 2 || strings.HasSuffix(number, ".") {
		return 0, errors.New("not a percentage such as 10%")
	}
	n, err := strconv.ParseUint(units+decimals+"00"[len(decimals):], 10, 31)
	if err != nil {
		return 0, errors.New("not a percentage such as 10%")
	}
	if s := Share(n); s >= MinShare && s <= MaxShare {
		return s, nil
	}
	return 0, fmt.Errorf("not between %s and %s", MinShare, MaxShare)
}

func (s Share) String() string {
	text := fmt.Sprintf("%d.%02d", s/100, s%100)
	return strings.TrimSuffix(strings.TrimRight(text, "0"), ".") + "%"
}

// of is the share of n, rounded up.
func (s Share) of(n int64) int64 {
	return n/int64(whole)*int64(s) + (n%int64(whole)*int64(s)+int64(whole)-1)/int64(whole)
}
