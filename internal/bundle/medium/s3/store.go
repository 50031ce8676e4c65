// Package s3 keeps the files of a bundle as objects below a prefix of a bucket, in any store that speaks the protocol of Amazon S3.
//
//	bundle.Export ──Store.Create──▶ s3://BUCKET/PREFIX/part-0001 … ──Store.Open──▶ bundle.Import
//
// An object is visible only when it is complete. What is larger than one chunk is a multipart upload, whose chunks the store verifies
// with the MD5 and SHA-256 that are sent with each. An upload that was cut off is continued by the next writer of the same object: a
// chunk that the store has is not sent again. It is the only package that imports minio-go.
package s3

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/minio/minio-go/v7"

	"github.com/minimirror/minimirror/internal/artifact"
)

// Scheme begins the address of a prefix.
const Scheme = "s3://"

// Options say how to reach a store. The zero value is Amazon's own, with the settings of the environment and of ~/.aws.
type Options struct {
	// Endpoint is the address of the store: "https://s3.example.org", or HOST[:PORT], which has TLS. Empty: AWS_ENDPOINT_URL_S3,
	// AWS_ENDPOINT_URL, endpoint_url of the profile, or Amazon's.
	Endpoint string
	// Region of the bucket; empty: AWS_REGION, AWS_DEFAULT_REGION, that of the profile, or the one that the store names.
	Region string
	// Addressing is "path" (HOST/BUCKET), "virtual" (BUCKET.HOST), or "auto" or empty: virtual for Amazon and few others.
	Addressing string
	// CAFile has certificates (PEM) of authorities to trust besides the system's; empty: AWS_CA_BUNDLE.
	CAFile string
	// Insecure accepts certificates that do not verify.
	Insecure bool

	// ChunkSize is the size of the pieces of an upload, in bytes; 0: 5 MiB, the least that stores accept. A writer keeps two in memory.
	ChunkSize int
	// Attempts of a request that may succeed later; 0: 8, which takes up to a minute.
	Attempts int
	// Stall is how long a connection may make no progress; 0: two minutes.
	Stall time.Duration
	// Wait passes the time between attempts; nil: it sleeps.
	Wait func(ctx context.Context, d time.Duration) error
	// Log gets what is tried again; nil: nothing is logged.
	Log *slog.Logger
}

const (
	smallestChunk   = 5 << 20 // of S3, except for the last
	defaultChunk    = smallestChunk
	mostChunks      = 10_000 // of S3, in one upload
	defaultAttempts = 8
	defaultStall    = 2 * time.Minute
)

// A Store is a prefix of a bucket. Its methods may be called by many goroutines.
type Store struct {
	bucket, prefix string // prefix ends in a slash, or is empty
	core           *minio.Core
	keys           keys
	transport      *http.Transport
	o              Options

	mu        sync.Mutex
	free      [][]byte // buffers of a chunk, of writers that have ended
	committed int      // writers that have ended well
	failed    bool     // a writer has not
}

// Open prepares to use s3://BUCKET/PREFIX. It does not contact the store.
func Open(address string, o Options) (*Store, error) {
	bucket, prefix, err := parse(address)
	if err != nil {
		return nil, err
	}
	o.ChunkSize, o.Attempts, o.Stall = cmp.Or(o.ChunkSize, defaultChunk), cmp.Or(o.Attempts, defaultAttempts), cmp.Or(o.Stall, defaultStall)
	if o.Wait == nil {
		o.Wait = sleep
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	s := &Store{bucket: bucket, prefix: prefix, o: o}
	settings, err := readSettings(o)
	if err != nil {
		return nil, err
	}
	s.keys = settings.keys
	host, secure, err := endpoint(settings.endpoint)
	if err != nil {
		return nil, err
	}
	if s.transport, err = newTransport(o); err != nil {
		return nil, err
	}
	options := &minio.Options{Creds: settings.keys.credentials, Secure: secure, Region: settings.region, Transport: answers{s.transport}, MaxRetries: 1}
	switch settings.addressing {
	case "", "auto":
	case "path":
		options.BucketLookup = minio.BucketLookupPath
	case "virtual":
		options.BucketLookup = minio.BucketLookupDNS
	default:
		return nil, artifact.Usagef("--s3-addressing %s: want auto, path or virtual", settings.addressing)
	}
	if s.core, err = minio.NewCore(host, options); err != nil {
		return nil, artifact.Usagef("S3 endpoint %s: %w", settings.endpoint, err)
	}
	return s, nil
}

// parse divides s3://BUCKET/PREFIX. The prefix ends in a slash, or is empty.
func parse(address string) (bucket, prefix string, err error) {
	rest, is := strings.CutPrefix(address, Scheme)
	bucket, prefix, _ = strings.Cut(rest, "/")
	prefix = strings.Trim(prefix, "/")
	bad := func(reason string) (string, string, error) {
		return "", "", artifact.Hint(artifact.Usagef("%s: %s", address, reason), "write it like s3://BUCKET/PREFIX")
	}
	switch {
	case !is || bucket == "":
		return bad("it names no bucket")
	case strings.ContainsAny(bucket, "@:?#% \\"):
		return bad(fmt.Sprintf("%q is not the name of a bucket", bucket))
	case prefix != "" && !fs.ValidPath(prefix):
		return bad("a prefix has no empty parts, and none that are . or ..")
	case artifact.Printable(prefix) != prefix || strings.ContainsAny(prefix, "\n\t"):
		return bad("the prefix has control characters")
	}
	if prefix != "" {
		prefix += "/"
	}
	return bucket, prefix, nil
}

// endpoint divides the address of a store.
func endpoint(address string) (host string, secure bool, err error) {
	if !strings.Contains(address, "://") {
		address = "https://" + address
	}
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.User != nil {
		return "", false, artifact.Hint(artifact.Usagef("%q is not the address of an S3 store", artifact.Redacted(address)), "write it like --s3-endpoint https://s3.example.org:9000")
	}
	return u.Host, u.Scheme == "https", nil
}

// newTransport makes the connections: with the proxies of the environment, and the authorities of the options.
func newTransport(o Options) (*http.Transport, error) {
	t := http.DefaultTransport.(*http.Transport).Clone()
	dialer := &net.Dialer{Timeout: 20 * time.Second, KeepAlive: 30 * time.Second}
	t.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dialer.DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return &stallConn{conn, o.Stall}, nil
	}
	t.ForceAttemptHTTP2 = false
	t.TLSNextProto = map[string]func(string, *tls.Conn) http.RoundTripper{} // one connection for each transfer: a stall of one is not hidden by others
	t.DisableCompression = true
	t.Proxy = func(r *http.Request) (*url.URL, error) {
		proxy, err := http.ProxyFromEnvironment(r)
		if err != nil { // its text may hold a password
			return nil, errors.New("http_proxy or https_proxy is not an address like http://proxy.example.org:3128")
		}
		return proxy, nil
	}
	t.TLSClientConfig = &tls.Config{InsecureSkipVerify: o.Insecure}
	if file := cmp.Or(o.CAFile, os.Getenv("AWS_CA_BUNDLE")); file != "" {
		data, err := artifact.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("certificates of authorities: %w", err)
		}
		roots, err := x509.SystemCertPool()
		if err != nil {
			roots = x509.NewCertPool()
		}
		if !roots.AppendCertsFromPEM(data) {
			return nil, fmt.Errorf("%s: no PEM certificate in it", file)
		}
		t.TLSClientConfig.RootCAs = roots
	}
	return t, nil
}

// A stallConn gives up when neither direction makes progress for a while.
type stallConn struct {
	net.Conn
	stall time.Duration
}

// Read implements io.Reader.
func (c *stallConn) Read(p []byte) (int, error) {
	_ = c.SetDeadline(time.Now().Add(c.stall))
	return c.Conn.Read(p)
}

// Write implements io.Writer. What is written counts as progress for a Read that waits for the answer.
func (c *stallConn) Write(p []byte) (int, error) {
	_ = c.SetDeadline(time.Now().Add(c.stall))
	return c.Conn.Write(p)
}

// String is the address: s3://BUCKET/PREFIX.
func (s *Store) String() string { return strings.TrimSuffix(Scheme+s.bucket+"/"+s.prefix, "/") }

// of is the address of an object, for messages.
func (s *Store) of(name string) string { return Scheme + s.bucket + "/" + s.prefix + name }
