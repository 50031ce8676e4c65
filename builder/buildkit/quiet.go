package buildkit

import (
	"log/slog"
	"strings"

	"github.com/sirupsen/logrus"
)

// quiet sends what BuildKit and containerd log to l, as debug messages. They
// share the process's one logrus logger; there is no other way to reach it.
func quiet(l *slog.Logger) {
	logrus.SetFormatter(&logrus.TextFormatter{DisableColors: true, DisableTimestamp: true})
	logrus.SetOutput(debugWriter{l})
}

type debugWriter struct{ log *slog.Logger }

func (w debugWriter) Write(line []byte) (int, error) {
	w.log.Debug("buildkit: " + strings.TrimSpace(string(line)))
	return len(line), nil
}
