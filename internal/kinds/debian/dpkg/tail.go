package dpkg

import (
	"bufio"
	"io"
	"math"
	"os"
	"strings"
)

// A tail is the end of what has gone to the log since its beginning. The log is the commands' own
// output: what a package has started may keep it open, and nobody waits for that.
type tail struct {
	log   io.ReaderAt // nil: it cannot be read
	begin int64
}

func (d *dpkg) newTail() (t tail) {
	if file, ok := d.log.(*os.File); ok {
		if end, err := file.Seek(0, io.SeekEnd); err == nil {
			t.log, t.begin = file, end
		}
	}
	return t
}

// lines are the last five.
func (t *tail) lines() (lines []string) {
	if t.log == nil {
		return nil
	}
	for text := bufio.NewScanner(io.NewSectionReader(t.log, t.begin, math.MaxInt64-t.begin)); text.Scan(); {
		if line := strings.TrimSpace(text.Text()); line != "" {
			lines = append(lines, line)
		}
		if len(lines) > 5 {
			lines = lines[1:]
		}
	}
	return lines
}
