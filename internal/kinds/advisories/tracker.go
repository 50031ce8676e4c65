package advisories

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
)

// The data of Debian's security tracker, https://security-tracker.debian.org/tracker/data/json, are an object:
//
//	{SOURCE PACKAGE: {CVE: {"description", "releases": {CODENAME: {"status", "fixed_version", "urgency", "nodsa", "nodsa_reason"}}}}}
//
// A status is resolved, with a fixed_version that is "0" if no version was ever vulnerable; open; or undetermined.

// trackerEcosystem is what OSV calls the packages of the tracker.
const trackerEcosystem = "Debian"

// laterRelease is the release that others are made from.
const laterRelease = "sid"

// readTracker calls take for each advisory of the tracker's data. It holds one in memory at a time. keep selects releases.
func readTracker(r io.Reader, keep func(release string) bool, take func(*artifact.Advisory) error) error {
	limited := newRecordReader(r)
	dec := json.NewDecoder(limited)
	some := false
	err := members(dec, func(name string) error {
		limited.next()
		return members(dec, func(id string) error {
			limited.next()
			var value json.RawMessage
			if err := dec.Decode(&value); err != nil {
				return err
			}
			a := &artifact.Advisory{ID: id, Ecosystem: trackerEcosystem, Name: name}
			if err := trackerAdvisory(a, value, keep); err != nil {
				return err
			}
			some = some || len(a.Statements) > 0
			if len(a.Statements) == 0 {
				return nil
			}
			return take(a)
		})
	})
	if err == nil {
		if _, more := dec.Token(); !errors.Is(more, io.EOF) {
			err = errors.New("there is data after its end")
		}
	}
	if err == nil && !some {
		err = errors.New("no advisory in it is about a release that is kept")
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = errors.New("it is cut off")
	}
	if err != nil {
		return artifact.Hint(fmt.Errorf("not the data of Debian's security tracker: %w", err), "fetch it again, from https://security-tracker.debian.org/tracker/data/json")
	}
	return nil
}

// trackerAdvisory reads one advisory.
func trackerAdvisory(a *artifact.Advisory, value json.RawMessage, keep func(string) bool) error {
	return object(value, func(key string, value json.RawMessage) error {
		switch key {
		case "description":
			a.Summary = summary(text(value))
		case "releases":
			return object(value, func(release string, value json.RawMessage) error {
				if !keep(release) {
					return nil
				}
				s, err := trackerStatement(release, value)
				a.Statements = append(a.Statements, s)
				return err
			})
		}
		return nil
	})
}

func trackerStatement(release string, value json.RawMessage) (s artifact.AdvisoryStatement, err error) {
	s = artifact.AdvisoryStatement{Release: release, Status: artifact.AdvisoryUndetermined, Urgency: artifact.UrgencyUnknown, Later: release == laterRelease}
	var status, nodsa, reason string
	err = object(value, func(key string, value json.RawMessage) error {
		switch key {
		case "status":
			status = text(value)
		case "fixed_version":
			s.Fixed = text(value)
		case "urgency":
			s.Urgency = urgency(text(value))
		case "nodsa":
			nodsa = text(value)
		case "nodsa_reason":
			reason = text(value)
		}
		return nil
	})
	switch {
	case status == "open":
		s.Status, s.Fixed = artifact.AdvisoryOpen, ""
	case status == "resolved" && s.Fixed == "0":
		s.Status, s.Fixed = artifact.AdvisoryNotAffected, ""
	case status == "resolved" && s.Fixed != "":
		s.Status = artifact.AdvisoryFixed
	default: // undetermined, or what a later tracker says
		s.Fixed = ""
	}
	if nodsa != "" || reason != "" {
		s.Deferred, s.Note = "no advisory", summary(nodsa)
		if slices.Contains([]string{"ignored", "postponed"}, reason) {
			s.Deferred = reason
		}
	}
	return s, err
}

// urgency reads the tracker's urgency. Stars mark one that the NVD has assigned.
func urgency(text string) artifact.Urgency {
	u := artifact.Urgency(strings.TrimRight(text, "*"))
	switch u {
	case artifact.UrgencyHigh, artifact.UrgencyMedium, artifact.UrgencyLow, artifact.UrgencyUnimportant, artifact.UrgencyEndOfLife:
		return u
	}
	return artifact.UrgencyUnknown
}

// summary is the beginning of a text, on one line.
func summary(text string) string {
	const most = 200 // bytes
	text = strings.Join(strings.Fields(text), " ")
	if len(text) <= most {
		return text
	}
	cut := strings.LastIndexByte(text[:most], ' ')
	if cut <= 0 {
		cut = most
	}
	return strings.ToValidUTF8(text[:cut], "") + " …"
}
