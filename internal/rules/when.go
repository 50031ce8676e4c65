package rules

import (
	"net/netip"
	"time"
)

// A when is what a rule asks of a request: who, and at what time. All that is set must hold.
type when struct {
	clients     networks  // none: any client
	windows     []window  // none: any time
	from, until time.Time // zero: open
	zone        *time.Location
}

func (w *when) holds(client netip.Addr, now time.Time) bool {
	if len(w.clients) > 0 && !w.clients.contains(client) {
		return false
	}
	if !w.from.IsZero() && now.Before(w.from) || !w.until.IsZero() && !now.Before(w.until) {
		return false
	}
	if len(w.windows) == 0 {
		return true
	}
	local := now.In(w.zone)
	hour, minute, _ := local.Clock()
	for i := range w.windows {
		if w.windows[i].holds(local.Weekday(), hour*60+minute) {
			return true
		}
	}
	return false
}

// A window is a part of each week, by the clock on the wall.
type window struct {
	days       [7]bool // by time.Weekday
	begin, end int     // minutes of the day; the end is outside. Where it is not later, it is on the day after
}

func (w *window) holds(day time.Weekday, minute int) bool {
	if w.begin < w.end {
		return w.days[day] && w.begin <= minute && minute < w.end
	}
	return w.days[day] && minute >= w.begin || w.days[(day+6)%7] && minute < w.end
}
