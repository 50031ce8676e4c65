package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/minimirror/minimirror/internal/artifact"
)

const healthcheckHelp = `usage: minimirror healthcheck [--url ADDRESS] [--ready]

Asks a running server whether it is well: exit code 0 if so, 1 if not. It is for
container runtimes that probe by a command: the image holds no other program,
and no shell.

With --ready the server must also take requests; it does not while it ends.

Examples:
  minimirror healthcheck
  docker exec minimirror /minimirror healthcheck --ready
  podman run --health-cmd '["/minimirror", "healthcheck"]' …
`

func healthcheck(ctx context.Context, c *command, args []string) error {
	url := c.flags.String("url", "http://127.0.0.1:8080", "address of the server, http or https")
	ready := c.flags.Bool("ready", false, "it must take requests, too")
	insecure := c.flags.Bool("insecure", false, "its certificate need not verify, as it can't for 127.0.0.1")
	timeout := c.flags.Duration("timeout", 5*time.Second, "how long to wait")
	if err := c.parse(args, healthcheckHelp, 0); err != nil {
		return err
	}
	if !strings.HasPrefix(*url, "http://") && !strings.HasPrefix(*url, "https://") {
		return artifact.Usagef("--url %s: want http://HOST:PORT or https://HOST:PORT", *url)
	}
	path := "/healthz"
	if *ready {
		path = "/readyz"
	}
	ctx, cancel := context.WithTimeout(ctx, *timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimRight(*url, "/")+path, nil)
	if err != nil {
		return artifact.Usagef("--url %s: %w", *url, err)
	}
	// Never through a proxy: it is this machine's own server.
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: *insecure}}}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	text, err := io.ReadAll(io.LimitReader(resp.Body, 4096))
	if err = errors.Join(err, resp.Body.Close()); err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s: %s", req.URL, resp.Status, strings.TrimSpace(string(text)))
	}
	_, err = c.stdout.Write(text)
	return err
}
