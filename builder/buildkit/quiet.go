package buildkit

import (
	"log"
	"log/slog"
	"strings"

	"github.com/sirupsen/logrus"
)

// quiet sends what BuildKit and its libraries log to l, as debug messages. They
// use the process's one logger of logrus and of the standard library; there is no
// other way to reach them.
func quiet(l *slog.Logger) {
	log.SetFlags(0)
	log.SetOutput(debugWriter{l})
	logrus.SetFormatter(&logrus.TextFormatter{DisableColors: true, DisableTimestamp: true})
	logrus.SetOutput(debugWriter{l})
}

type debugWriter struct{ log *slog.Logger }

func (w debugWriter) Write(line []byte) (int, error) {
	w.log.Debug("buildkit: " + strings.TrimSpace(string(line)))
	return len(line), nil
}
