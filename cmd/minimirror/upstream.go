package main

import (
	"context"

	"github.com/minimirror/minimirror/builder"
	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/bytesize"
	"github.com/minimirror/minimirror/internal/cache"
	"github.com/minimirror/minimirror/internal/fetch"
	"github.com/minimirror/minimirror/internal/kinds"
	"github.com/minimirror/minimirror/internal/transfer"
)

// upstreamFlags are how lock and build reach upstream.
type upstreamFlags struct {
	parallel      int
	rate          string
	ca, cert, key string
}

func (c *command) upstreamFlags() *upstreamFlags {
	f := &upstreamFlags{}
	c.flags.IntVar(&f.parallel, "parallel", 8, "transfers at a time from one host")
	c.flags.StringVar(&f.rate, "limit-rate", "", "bytes per second for all transfers together: 500K, 2M")
	c.flags.StringVar(&f.ca, "ca", "", "PEM file with authorities to accept, besides the system's")
	c.flags.StringVar(&f.cert, "client-cert", "", "PEM file with the certificate to show to upstream")
	c.flags.StringVar(&f.key, "client-key", "", "PEM file with its key (default: in the file of --client-cert)")
	return f
}

// client makes the client for the definition's upstreams.
func (f *upstreamFlags) client(ctx context.Context, c *command, d *builder.Definition, store *cache.Cache) (*fetch.Client, error) {
	opt := transfer.Options{Parallel: f.parallel, CA: f.ca, ClientCert: f.cert, ClientKey: f.key}
	var err error
	switch {
	case f.parallel < 1:
		return nil, artifact.Usagef("--parallel %d: want 1 or more", f.parallel)
	case f.key != "" && f.cert == "":
		return nil, artifact.Usagef("--client-key without --client-cert")
	case f.rate != "":
		if opt.Rate, err = bytesize.Parse(f.rate); err != nil {
			return nil, artifact.Usagef("--limit-rate: %w", err)
		}
	}
	if opt.Access, err = d.Access(ctx, kinds.All()); err != nil {
		return nil, err
	}
	return fetch.New(store, c.log(), userAgent(), opt)
}
