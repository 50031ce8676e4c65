package bundle

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// mostNumbers limits what one range may have.
const mostNumbers = 1_000_000

// ParseNumbers reads numbers of parts, "7,9" and "12-15"; empty: nil.
func ParseNumbers(text string) (numbers []int, err error) {
	if text == "" {
		return nil, nil
	}
	for field := range strings.SplitSeq(text, ",") {
		first, last, isRange := strings.Cut(strings.TrimSpace(field), "-")
		from, err := strconv.Atoi(first)
		to := from
		if err == nil && isRange {
			to, err = strconv.Atoi(last)
		}
		if err != nil || from < 1 || to < from || to-from > mostNumbers {
			return nil, errors.New("want numbers, such as 7,9 or 12-15")
		}
		for n := from; n <= to; n++ {
			numbers = append(numbers, n)
		}
	}
	return numbers, nil
}

// ranges writes sorted numbers as ParseNumbers reads them: 2,3,7-12.
func ranges(numbers []int) string {
	var fields []string
	for i := 0; i < len(numbers); {
		last := i
		for last+1 < len(numbers) && numbers[last+1] == numbers[last]+1 {
			last++
		}
		if last-i < 2 {
			last = i
			fields = append(fields, fmt.Sprint(numbers[i]))
		} else {
			fields = append(fields, fmt.Sprintf("%d-%d", numbers[i], numbers[last]))
		}
		i = last + 1
	}
	return strings.Join(fields, ",")
}
