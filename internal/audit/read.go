package audit

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/netip"
	"time"
)

// longestLine is more than any version of this program writes, in bytes.
const longestLine = 64 << 10

// Read calls each with every record of a log, in its order; the record is each's only until it returns. The log
// may be compressed by gzip (RFC 1952). Lines that are not records, such as one that a full disk
// cut, are skipped and counted; empty ones are not. The error is each's first, which ends reading, or says why the log
// could not be read to its end.
func Read(r io.Reader, each func(*Record) error) (skipped int, err error) {
	in := bufio.NewReaderSize(r, longestLine)
	if magic, _ := in.Peek(2); bytes.Equal(magic, []byte{0x1f, 0x8b}) {
		unpacked, err := gzip.NewReader(in)
		if err != nil {
			return 0, fmt.Errorf("audit: %w", err)
		}
		in = bufio.NewReaderSize(unpacked, longestLine)
	}
	var record Record
	for {
		line, err := in.ReadSlice('\n')
		long := false
		for errors.Is(err, bufio.ErrBufferFull) {
			long = true
			_, err = in.ReadSlice('\n')
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return skipped, fmt.Errorf("audit: %w", err)
		}
		switch line = bytes.TrimSpace(line); {
		case len(line) == 0:
		case long || record.UnmarshalJSON(line) != nil:
			skipped++
		default:
			if err := each(&record); err != nil {
				return skipped, err
			}
		}
		if err != nil {
			return skipped, nil
		}
	}
}

// A line is a Record as JSON has it.
type line struct {
	Time         time.Time `json:"time"`
	Client       string    `json:"client"`
	User         string    `json:"user"`
	Agent        string    `json:"agent"`
	Method       string    `json:"method"`
	Path         string    `json:"path"`
	Status       int       `json:"status"`
	Kind         string    `json:"kind"`
	Artifact     string    `json:"artifact"`
	Name         string    `json:"name"`
	Version      string    `json:"version"`
	Architecture string    `json:"architecture"`
	Channel      string    `json:"channel"`
	Verdict      Verdict   `json:"verdict"`
	Rule         string    `json:"rule"`
	Reason       string    `json:"reason"`
	Bytes        int64     `json:"bytes"`
	Size         int64     `json:"size"`
	Duration     float64   `json:"duration"`
	ID           string    `json:"id"`
}

// maxSeconds is the longest time.Duration.
const maxSeconds = float64(math.MaxInt64) / float64(time.Second)

// UnmarshalJSON implements json.Unmarshaler. It refuses what can't be a record: no time,
// an unknown verdict, a client that is no address, a negative number.
func (r *Record) UnmarshalJSON(data []byte) error {
	var l line
	if err := json.Unmarshal(data, &l); err != nil {
		return err
	}
	var client netip.Addr
	if l.Client != "" {
		var err error
		if client, err = netip.ParseAddr(l.Client); err != nil {
			return err
		}
	}
	if l.Time.IsZero() || l.Verdict.number() < 0 || l.Bytes < 0 || l.Size < 0 || l.Status < 0 || !(l.Duration >= 0 && l.Duration < maxSeconds) {
		return errors.New("not a record")
	}
	*r = Record{
		Time: l.Time.UTC(), Client: plain(client), User: l.User, Agent: l.Agent, Method: l.Method, Path: l.Path, Status: l.Status,
		Kind: l.Kind, Artifact: l.Artifact, Name: l.Name, Version: l.Version, Architecture: l.Architecture, Channel: l.Channel,
		Verdict: l.Verdict, Rule: l.Rule, Reason: l.Reason, Bytes: l.Bytes, Size: l.Size,
		Duration: time.Duration(math.Round(l.Duration*1e6)) * time.Microsecond, ID: l.ID,
	}
	return nil
}
