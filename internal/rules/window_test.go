package rules

import (
	"strings"
	"testing"
	"time"
)

func TestWindow(t *testing.T) {
	for _, c := range []struct{ window, inside, outside string }{
		{"Mon-Fri 08:00-18:00", "Mon 08:00,Fri 17:59", "Mon 07:59,Fri 18:00,Sat 12:00,Sun 12:00"},
		{"Fri-Mon", "Fri 00:00,Sat 12:00,Sun 12:00,Mon 23:59", "Tue 00:00,Thu 23:59"},
		{"sat,SUN", "Sat 00:00,Sun 23:59", "Fri 23:59,Mon 00:00"},
		{"Mon,Wed-Thu,Sat", "Mon 1:00,Wed 1:00,Thu 1:00,Sat 1:00", "Tue 1:00,Fri 1:00,Sun 1:00"},
		{"22:00-6:00", "Mon 22:00,Tue 05:59,Sun 00:00", "Mon 06:00,Mon 21:59"},
		{"Fri 22:00-06:00", "Fri 22:00,Sat 05:59", "Fri 05:59,Sat 06:00,Sat 22:00,Sun 01:00"},
		{"Sun 22:00-00:00", "Sun 22:00,Sun 23:59", "Mon 00:00,Sun 21:59"},
		{"Sun 20:00-24:00", "Sun 20:00,Sun 23:59", "Mon 00:00,Sun 00:00"},
		{"00:00-24:00", "Mon 00:00,Sun 23:59", ""},
		{"Sat 23:00-01:00", "Sat 23:00,Sun 00:59", "Sat 00:30,Sun 23:00"},
		{"  Mon   08:00-09:00 ", "Mon 08:30", "Tue 08:30"},
	} {
		w, err := parseWindow(c.window)
		if err != nil {
			t.Fatal(c.window, err)
		}
		for want, moments := range map[bool]string{true: c.inside, false: c.outside} {
			for moment := range strings.SplitSeq(moments, ",") {
				if moment == "" {
					continue
				}
				day, clock, _ := strings.Cut(moment, " ")
				at, err := time.Parse("15:04", clock)
				number, dayErr := parseDay(day)
				if err != nil || dayErr != nil {
					t.Fatal(err, dayErr)
				}
				if w.holds(time.Weekday(number), at.Hour()*60+at.Minute()) != want {
					t.Errorf("%q at %s: %v", c.window, moment, !want)
				}
			}
		}
	}
}
