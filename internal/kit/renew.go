package kit

import (
	"bytes"
	"fmt"
	"path"
	"regexp"
	"slices"
	"text/template"

	"github.com/minimirror/minimirror/internal/artifact"
)

// renewDir is where clients have the scripts that renew their files.
const renewDir = "/usr/local/lib/minimirror"

// RenewDir is renewDir.
func (k *Kit) RenewDir() string { return renewDir }

// calendar is what systemd.time(7) may write for a time that recurs. systemd itself knows best whether it is valid.
var calendar = regexp.MustCompile(`^[A-Za-z0-9*][A-Za-z0-9*:/,.~ +_-]*$`)

// errCalendar is the error for a --renew that is no time.
func errCalendar(text string) error {
	return artifact.Hint(artifact.Usagef("--renew %q: not a time that recurs", text), `write it as systemd.time(7) has it: daily, "Mon *-*-* 04:00"`)
}

// renewFiles are a client's script and the timer that runs it.
func (k *Kit) renewFiles(t *template.Template, r artifact.Renewal) (files []artifact.ClientFile, err error) {
	if k.Renew == "" || r.Name == "" {
		return nil, nil
	}
	if !artifact.ValidName(r.Name) {
		return nil, fmt.Errorf("%q is not a name for a script", r.Name)
	}
	script := path.Join(renewDir, "renew-"+r.Name+".sh")
	files = append(files, artifact.ClientFile{Path: script, Data: r.Script})
	for _, unit := range []string{"service", "timer"} {
		var text bytes.Buffer
		if err := t.ExecuteTemplate(&text, "renew."+unit, struct{ Mirror, Script, Calendar string }{k.Address, script, k.Renew}); err != nil {
			return nil, err
		}
		files = append(files, artifact.ClientFile{Path: "/etc/systemd/system/" + unitName(r) + "." + unit, Data: text.Bytes()})
	}
	return files, nil
}

func unitName(r artifact.Renewal) string { return "minimirror-renew-" + r.Name }

// renewCommands make a client run its timers.
func (k *Kit) renewCommands() (commands [][]string) {
	if k.Renew == "" {
		return nil
	}
	var timers []string
	for _, c := range k.Clients {
		if timer := unitName(c.Renewal) + ".timer"; c.Renewal.Name != "" && !slices.Contains(timers, timer) {
			timers = append(timers, timer)
		}
	}
	if timers == nil {
		return nil
	}
	return [][]string{{"systemctl", "daemon-reload"}, append([]string{"systemctl", "enable", "--now"}, timers...)}
}
