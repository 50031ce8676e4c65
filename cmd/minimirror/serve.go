package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/pflag"
	"golang.org/x/sync/errgroup"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/audit"
	"github.com/minimirror/minimirror/internal/image/layout"
	"github.com/minimirror/minimirror/internal/kinds"
	"github.com/minimirror/minimirror/server"
	"github.com/minimirror/minimirror/server/access"
)

const serveHelp = `usage: minimirror serve [[--image] REFERENCE] [--listen ADDRESS]
                        [--rules FILE --sign-key FILE] [--audit FILE]

Serves an image in place: nothing is unpacked. REFERENCE is the path of a folder in
the OCI layout, of an unpacked image, or of an uncompressed archive. A prefix can name
the type: oci:DIR, oci-archive:FILE, docker-archive:FILE, root:DIR.
Inside the image no flag is needed: it serves its own /mirror.

docker://HOST/NAME@sha256:… or docker://HOST/NAME:TAG serves an image that stays in
its registry. The server reads a file from there when a client first requests it,
verifies it, and keeps it in the folder --cache, up to --cache-size; it removes the
least recently used files first. While the registry is unavailable, it serves the files
in the cache, and answers 503 with Retry-After for others. It resolves a tag once, at
startup.

To configure a machine as a client (apt 2.3.10 or later):
  curl -fsS http://ADDRESS/minimirror.sources -o /etc/apt/sources.list.d/minimirror.sources
or, without curl:
  /usr/lib/apt/apt-helper download-file http://ADDRESS/minimirror.sources /etc/apt/sources.list.d/minimirror.sources

Container images are below /v2/: the server is a read-only registry for them. The kit
(minimirror kit) configures containerd, Docker, podman and others to pull from it.

--rules FILE says what clients may download; see docs/rules.md. The file is read
again when it changes. With --sign-key, the key that signed the image, denied
packages are removed from the indexes, so that apt selects something else;
without it, apt selects denied packages, and the download fails. Repeat
--sign-key for an image that several keys have signed.

The audit trail is a line of JSON for each request, on standard output unless
--audit names a file. SIGHUP reopens the file and reads the rules again.
SIGTERM and SIGINT stop the server; running downloads may finish within --grace.

Examples:
  minimirror serve --image oci:out/docker
  minimirror serve --image docker-archive:docker.tar --rules rules.yaml --sign-key key.asc --audit /var/log/minimirror.log
  minimirror serve --image docker://registry.example.org/site/mirror:1 --cache /var/cache/minimirror --cache-size 20G
`

// serveFlags are what serve is asked for.
type serveFlags struct {
	root, listen string
	grace        time.Duration
	rules        string
	signKeys     []string
	audit        string
	metrics      string
	pprof        bool
	proxies, as  []string
	remote       remoteFlags
	verifyKeys   *[]string
	access.Options
	access.Limits
}

func (f *serveFlags) declare(c *command) {
	c.imageFlag("image to serve in place (default: the unpacked image in /" + layout.Root + ")")
	f.remote.declare(c)
	f.verifyKeys = c.verifyKeyFlag()
	once(c.flags, &f.root, "root", "")
	c.flags.Lookup("root").Hidden = true // before --image could be an unpacked image, too
	c.flags.StringVar(&f.listen, "listen", ":8080", "address and port to listen on")
	c.flags.DurationVar(&f.grace, "grace", 30*time.Second, "how long running downloads may take to finish at shutdown")
	c.flags.StringVar(&f.rules, "rules", "", "file of rules")
	c.flags.StringArrayVar(&f.signKeys, "sign-key", nil, "file with the OpenPGP private key that signs indexes without what is denied; may be repeated: all sign")
	c.flags.StringVar(&f.audit, "audit", "-", "file for the audit trail; - is standard output, none is none")
	c.flags.StringVar(&f.metrics, "metrics", "", "address and port for operators: /metrics, /healthz, /readyz, and the report with the addresses of clients")
	c.flags.BoolVar(&f.pprof, "pprof", false, "offer profiles at /debug/pprof/ on the address of --metrics")
	c.flags.StringSliceVar(&f.proxies, "trusted-proxy", nil, "address or network of a proxy whose X-Forwarded-For, -Proto and -Host are believed; it must overwrite what clients send in them (docs/server.md); may be repeated")
	c.flags.StringSliceVar(&f.as, "as", nil, "host name of an upstream: clients that reach this server by that name need no change; may be repeated")
	c.flags.StringVar(&f.Certificate, "tls-cert", "", "PEM file with the certificate and its chain")
	c.flags.StringVar(&f.Key, "tls-key", "", "PEM file with the certificate's private key")
	c.flags.StringVar(&f.ClientAuthority, "tls-client-ca", "", "PEM file with certificate authorities: clients must have a certificate from one of them")
	c.flags.StringVar(&f.Passwords, "htpasswd", "", "file of names and bcrypt hashes (htpasswd -B): clients must log in")
	c.flags.IntVar(&f.Connections, "max-connections", 0, "connections at once; more wait (default 10000, or what the limit of open files allows)")
	c.flags.IntVar(&f.PerClient, "max-per-client", 0, "connections at once from one address, proxies excepted (default three quarters of all: many clients may stand behind one address)")
	c.flags.IntVar(&f.HeaderSize, "max-header", 32<<10, "bytes of a request's header")
	c.flags.DurationVar(&f.HeaderTime, "header-timeout", 30*time.Second, "time that a client may take to send a request")
	c.flags.DurationVar(&f.Idle, "idle-timeout", 2*time.Minute, "time between two requests of a connection")
}

func serve(ctx context.Context, c *command, args []string) (err error) {
	// Whoever reads the log, or the audit trail, may end: package os/signal, "SIGPIPE".
	signal.Ignore(syscall.SIGPIPE)
	var f serveFlags
	f.declare(c)
	if err := c.parseImage(args, serveHelp, 0); err != nil {
		return err
	}
	switch {
	case c.imageRef != "" && f.root != "":
		return c.wrongUsage("--image %s and --root %s cannot be used together: give one", c.imageRef, f.root)
	case f.pprof && f.metrics == "":
		return artifact.Hint(artifact.Usagef("--pprof needs --metrics"), "add --metrics 127.0.0.1:9090")
	}
	c.flags.Visit(func(p *pflag.Flag) {
		if kind := p.Value.Type(); (kind == "int" || kind == "duration") && strings.HasPrefix(p.Value.String(), "-") {
			err = artifact.Usagef("--%s %s: must not be negative", p.Name, p.Value)
		}
	})
	if err != nil {
		return err
	}
	if f.Proxies, err = networks(f.proxies); err != nil {
		return err
	}
	saveMemory()
	o := server.Options{
		Kinds: kinds.All(), Grace: f.grace, Log: c.log(), Version: programVersion(),
		Rules: f.rules, As: f.as, Access: f.Options, Limits: f.Limits,
	}
	var opened func() error
	if o.Image, opened, err = c.openImage(ctx, &f); err != nil {
		return err
	}
	defer opened()
	if err := c.servedIsSigned(ctx, o.Image, &f); err != nil {
		return err
	}
	signer, keys, err := c.signer(o.Image, f.signKeys)
	if err != nil {
		return err
	}
	o.Signer = signer
	day := time.NewTicker(24 * time.Hour)
	defer day.Stop()
	go c.warnAgain(ctx, keys, day.C)
	defer c.finish()()
	if f.audit != "none" {
		if o.Audit, err = audit.Open(f.audit, o.Log); err != nil {
			return err
		}
		defer func() {
			if err := o.Audit.Close(); err != nil {
				o.Log.Error("the end of the audit trail", "error", err)
			}
		}()
	}
	s, err := server.New(o)
	if err != nil {
		return err
	}
	saveMemory() // what starting has touched, too
	return f.run(ctx, c, s, o)
}

// run listens, and obeys SIGHUP.
func (f *serveFlags) run(ctx context.Context, c *command, s *server.Server, o server.Options) error {
	listener, err := net.Listen("tcp", f.listen)
	if err != nil {
		return listenHint(err, "--listen")
	}
	var admin net.Listener
	if f.metrics != "" {
		if admin, err = net.Listen("tcp", f.metrics); err != nil {
			return errors.Join(listenHint(err, "--metrics"), listener.Close())
		}
		fmt.Fprintf(c.stderr, "metrics on http://%s/metrics\n", admin.Addr())
	}
	scheme := "http"
	if f.Certificate != "" {
		scheme = "https"
	}
	fmt.Fprintf(c.stderr, "listening on %s://%s\n", scheme, listener.Addr())

	group, ctx := errgroup.WithContext(ctx)
	// Operators see the end of the downloads, too.
	last, end := context.WithCancel(context.WithoutCancel(ctx))
	group.Go(func() error {
		defer end()
		return s.Run(ctx, listener)
	})
	if admin != nil {
		group.Go(func() error { return s.RunAdmin(last, admin, f.pprof) })
	}
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	defer signal.Stop(hangup)
	// Nobody waits for it: a file system may hang.
	go func() {
		for {
			select {
			case <-last.Done():
				return
			case <-hangup:
				reopen(last, s, o)
			}
		}
	}()
	return group.Wait()
}

// listenHint says how to choose an address that can be listened on.
func listenHint(err error, flag string) error {
	if errors.Is(err, fs.ErrPermission) {
		return artifact.Hint(err, "ports below 1024 need root or the capability CAP_NET_BIND_SERVICE; else choose another with %s [ADDRESS]:PORT, for example :8080", flag)
	}
	return artifact.Hint(err, "choose another with %s [ADDRESS]:PORT, for example :8080", flag)
}

// reopen does what SIGHUP asks for. What fails is said, and nothing ends.
func reopen(ctx context.Context, s *server.Server, o server.Options) {
	if o.Audit != nil {
		if err := o.Audit.Reopen(); err != nil {
			o.Log.Error("the audit trail cannot be opened anew; the old file is written on", slog.Any("error", err))
		}
	}
	if o.Rules != "" {
		_ = s.Reload(ctx) // it has been said
	}
}

// networks reads addresses and networks.
func networks(texts []string) (all []netip.Prefix, err error) {
	for _, text := range texts {
		p, err := netip.ParsePrefix(text)
		if err != nil {
			a, err := netip.ParseAddr(text)
			if err != nil || strings.Contains(a.Zone(), "/") {
				return nil, artifact.Hint(artifact.Usagef("--trusted-proxy %s: neither an address nor a network", text), "write it like 10.0.0.7 or 10.0.0.0/8")
			}
			a = a.Unmap()
			p = netip.PrefixFrom(a, a.BitLen())
		}
		if p != p.Masked() {
			return nil, artifact.Hint(artifact.Usagef("--trusted-proxy %s: bits beyond the prefix are set", text), "write %s", p.Masked())
		}
		all = append(all, p)
	}
	return all, nil
}
