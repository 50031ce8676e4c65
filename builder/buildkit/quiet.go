package buildkit

import (
	"log"
	"log/slog"
	"strings"

	"github.com/sirupsen/logrus"
)

// quiet sends the log of BuildKit and its libraries to l, as debug messages. They
// use the global loggers of logrus and the standard library; there is no
// other way to redirect them.
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
