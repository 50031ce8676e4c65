package main

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/kinds"
)

const healthcheckHelp = `usage: minimirror healthcheck [--address URL] [--ready | --deep]

Checks the health of a running server: the exit code is 0 if it is healthy, 1 if not.
It is for container runtimes that probe with a command: the image has no other
program and no shell.

With --ready the server must also take requests; it does not while it ends. With
--deep it must also give what a client needs: signed lists whose signatures are
good, and an index of each with the right digest. A warning names the kinds that
this program cannot check.

Examples:
  minimirror healthcheck
  docker exec minimirror /minimirror healthcheck --ready
  podman run --health-cmd '["/minimirror", "healthcheck"]' …
`

func healthcheck(ctx context.Context, c *command, args []string) error {
	url := c.flags.String("address", "http://127.0.0.1:8080", "address of the mirror, http or https")
	formerly(c.flags, "url", "address")
	ready := c.flags.Bool("ready", false, "also require that it accepts requests")
	deep := c.flags.Bool("deep", false, "also require that clients get everything that they need")
	insecure := c.flags.Bool("insecure", false, "accept any certificate, as none is valid for 127.0.0.1")
	timeout := c.flags.Duration("timeout", 5*time.Second, "how long to wait")
	if err := c.parse(args, healthcheckHelp, 0); err != nil {
		return err
	}
	if !strings.HasPrefix(*url, "http://") && !strings.HasPrefix(*url, "https://") {
		return artifact.Usagef("--address %s: want http://HOST:PORT or https://HOST:PORT", *url)
	}
	path := "/healthz"
	if *ready || *deep {
		path = "/readyz"
	}
	ctx, cancel := context.WithTimeout(ctx, *timeout)
	defer cancel()
	// Never through a proxy: it is this machine's own server.
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: *insecure}}}
	get := func(ctx context.Context, path string) ([]byte, error) {
		return getFrom(ctx, client, strings.TrimRight(*url, "/")+path)
	}
	text, err := get(ctx, path)
	if err != nil {
		return err
	}
	if *deep {
		unprobed, err := probe(ctx, kinds.All(), get)
		if err != nil {
			return err
		}
		if len(unprobed) > 0 {
			c.log().Warn("not checked: this program has no check for these kinds", "kinds", strings.Join(unprobed, ", "))
		}
	}
	_, err = c.stdout.Write(text)
	return err
}

// probe checks each kind that the mirror carries, and returns the names of those for which known has no check.
func probe(ctx context.Context, known []artifact.Kind, get func(context.Context, string) ([]byte, error)) (unprobed []string, err error) {
	text, err := get(ctx, "/api/v1/mirror")
	if err != nil {
		return nil, err
	}
	var mirror struct {
		Sources []struct{ Kind string }
	}
	if err := json.Unmarshal(text, &mirror); err != nil {
		return nil, fmt.Errorf("/api/v1/mirror: %w", err)
	}
	carried := make(map[string]bool)
	for _, s := range mirror.Sources {
		carried[s.Kind] = true
	}
	for _, kind := range known {
		prober, able := artifact.Able[artifact.Prober](kind)
		if !able || !carried[kind.Name()] {
			continue
		}
		if err := prober.Probe(ctx, get); err != nil {
			return nil, err
		}
		delete(carried, kind.Name())
	}
	return slices.Sorted(maps.Keys(carried)), nil
}

const maxAnswer = 256 << 20 // bytes; an index of a whole distribution has 50 MB

func getFrom(ctx context.Context, client *http.Client, url string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, artifact.Usagef("--address: %w", err)
	}
	resp, err := client.Do(req)
	if certificate := new(tls.CertificateVerificationError); errors.As(err, &certificate) {
		return nil, artifact.Hint(err, "--insecure accepts any certificate; otherwise use a name that is in the certificate")
	} else if err != nil {
		return nil, artifact.Hint(err, "check that the server is running, and listens there; --address names another one")
	}
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err = errors.Join(err, resp.Body.Close()); err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s: %s", url, resp.Status, strings.TrimSpace(string(text[:min(len(text), 1000)])))
	}
	return text, nil
}
