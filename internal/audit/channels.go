package audit

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/minimirror/minimirror/internal/artifact"
)

// Channels tell which clients read a part of what the mirror has, and not the rest: their configuration may be old.
type Channels struct {
	Rows []ChannelTotal `json:"rows"` // sorted by kind, source and name
	// Clients are those that do not read all channels of a system of which they read some; the last seen first.
	Clients Table[Partial] `json:"clients"`
}

// A ChannelTotal is all clients of a channel.
type ChannelTotal struct {
	Kind   string `json:"kind"`
	Source string `json:"source"`
	Name   string `json:"name"`
	System string `json:"system,omitempty"` // see artifact.Channel
	// Reading are the clients that have read the channel; Lacking those that have read others of its system, and not this one.
	Reading int `json:"reading"`
	Lacking int `json:"lacking"`
}

// A Partial is a client that reads some channels of a system, and not all.
type Partial struct {
	Address netip.Addr `json:"address"`
	Users   []string   `json:"users,omitempty"` // the first four
	Reads   []string   `json:"reads"`           // "SOURCE/NAME"
	Lacks   []string   `json:"lacks"`
	Last    time.Time  `json:"last"` // request of any kind
}

// maxChannels is how many channels a Summary knows; more can only be in a forged log.
const maxChannels = 1024

// addChannel notes that the client has read a channel.
func (s *Summary) addChannel(r *Record, c *clientRow) {
	id := cut(r.Channel, maxChannel)
	if id == "" {
		return
	}
	if c.channels == nil {
		const set = 64 // bytes of an empty numberSet
		if s.sets < set {
			return // as if it had read none: nothing is known to be lacking
		}
		s.sets -= set
		c.channels = new(numberSet)
	}
	number, known := s.channels[id]
	if !known {
		const entry = 64 // bytes of a map's entry, about
		need := int64(len(id) + entry)
		if len(s.channels) == maxChannels || s.sets < need {
			c.channels.more = true
			return
		}
		s.sets -= need
		number = len(s.channels)
		s.channels[strings.Clone(id)] = number
	}
	c.channels.add(number, &s.sets)
}

// ChannelTotals counts the clients of each channel.
func (s *Summary) ChannelTotals(channels []artifact.Channel) []ChannelTotal {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.readers(channels, 0).Rows
}

// readers compares what clients have read with the channels that there are. The caller holds mu.
func (s *Summary) readers(channels []artifact.Channel, limit int) *Channels {
	channels = slices.Clone(channels)
	slices.SortFunc(channels, func(a, b artifact.Channel) int {
		return cmp.Or(strings.Compare(a.Kind, b.Kind), strings.Compare(a.System, b.System), strings.Compare(a.Source, b.Source), strings.Compare(a.Name, b.Name))
	})
	made := &Channels{Rows: make([]ChannelTotal, len(channels))}
	numbers := make([]int, len(channels)) // -1: nobody has read it
	for i := range channels {
		c := &channels[i]
		made.Rows[i] = ChannelTotal{Kind: c.Kind, Source: c.Source, Name: c.Name, System: c.System}
		numbers[i] = -1
		if number, known := s.channels[cut(c.ID(), maxChannel)]; known {
			numbers[i] = number
		}
	}
	var partial []Partial
	for _, client := range s.numbered {
		if client.channels == nil {
			continue
		}
		var reads, lacks []string
		for first, end := 0, 0; first < len(channels); first = end {
			for end = first; end < len(channels) && channels[end].Kind == channels[first].Kind && channels[end].System == channels[first].System; end++ {
			}
			has := func(i int) bool { return numbers[i] >= 0 && client.channels.has(numbers[i]) }
			any := false
			for i := first; i < end && !any; i++ {
				any = has(i)
			}
			for i := first; i < end && any; i++ {
				switch {
				case has(i):
					made.Rows[i].Reading++
					reads = append(reads, channels[i].ID())
				case !client.channels.more: // else it may have read it
					made.Rows[i].Lacking++
					lacks = append(lacks, channels[i].ID())
				}
			}
		}
		if lacks != nil {
			partial = append(partial, Partial{client.address, slices.Clone(client.users), reads, lacks, moment(client.last)})
		}
	}
	slices.SortFunc(partial, func(a, b Partial) int { return cmp.Or(b.Last.Compare(a.Last), a.Address.Compare(b.Address)) })
	made.Clients = Table[Partial]{Total: len(partial), Rows: slices.Concat([]Partial{}, partial[:min(limit, len(partial))]), Unlisted: s.unlisted}
	return made
}
