package transfer

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/minimirror/minimirror/internal/artifact"
)

// limited adds to the error about a 429 how many requests the server allows, and when to try again.
func limited(err error, status *StatusError) error {
	if limit := rateLimit(status.Header); limit != "" {
		err = fmt.Errorf("%w: it allows %s", err, limit)
	}
	again := "try again later"
	if wait := askedToWait(status.Header); wait > 0 {
		again = "try again in " + wait.Round(time.Second).String()
	} else if remaining, window := quota(status.Header.Get("RateLimit-Remaining")); remaining == 0 && window > 0 {
		again = "try again within " + window.String() + ", when the limit is reset"
	}
	if repositoryOf(status.URL) == "" {
		return artifact.Hint(err, "%s; --parallel 1 makes fewer requests at a time", again)
	}
	host := status.URL.Host
	if isDockerHub(host) {
		host = "docker.io"
	}
	return artifact.Hint(err, "%s, or log in, if that gives you a higher limit: \"docker login %s\" or \"skopeo login %s\"", again, host, host)
}

// rateLimit is what a registry allows, as "RateLimit-Limit: 100;w=21600" says; empty: it does not say.
func rateLimit(h http.Header) string {
	requests, window := quota(h.Get("RateLimit-Limit"))
	if requests < 0 || window == 0 {
		return ""
	}
	return fmt.Sprintf("%d requests in %s", requests, window)
}

// quota reads a number of requests and the window for which it counts; -1: none is stated.
func quota(value string) (requests int, window time.Duration) {
	first, rest, _ := strings.Cut(value, ";")
	requests, err := strconv.Atoi(strings.TrimSpace(first))
	if err != nil || requests < 0 {
		return -1, 0
	}
	for _, p := range strings.Split(rest, ";") {
		if name, text, _ := strings.Cut(strings.TrimSpace(p), "="); name == "w" {
			if seconds, err := strconv.Atoi(text); err == nil && seconds > 0 && seconds <= int(longestAsked/time.Second) {
				window = time.Duration(seconds) * time.Second
			}
		}
	}
	return requests, window
}
