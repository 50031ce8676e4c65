package s3

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/minio/minio-go/v7"

	"github.com/minimirror/minimirror/internal/artifact"
)

// An answer is what the header of the last answer to a request said, beside the error that minio-go makes of its body.
type answer struct {
	after time.Duration // Retry-After, or 0
	clock time.Time     // of the store, or zero
	page  bool          // the answer is a page for people: this is not an S3 store
}

type answerKey struct{}

// answers is a transport that notes what an answer says.
type answers struct{ http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (t answers) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := t.RoundTripper.RoundTrip(r)
	if a, is := r.Context().Value(answerKey{}).(*answer); is && err == nil {
		*a = answer{page: strings.HasPrefix(response.Header.Get("Content-Type"), "text/html")}
		if seconds, err := strconv.Atoi(response.Header.Get("Retry-After")); err == nil && seconds > 0 {
			a.after = min(time.Duration(seconds)*time.Second, longestWait)
		}
		if clock, err := http.ParseTime(response.Header.Get("Date")); err == nil {
			a.clock = clock
		}
	}
	return response, err
}

const (
	firstWait   = 250 * time.Millisecond
	longestWait = 2 * time.Minute // that Retry-After is honoured
	slowest     = 16 * time.Second
)

// sleep waits, unless ctx ends earlier.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// try makes requests until one succeeds, or fails with what will not change. name is the object, for messages; empty: the prefix.
func (s *Store) try(ctx context.Context, name string, request func(ctx context.Context) error) error {
	wait := firstWait
	for left := s.o.Attempts; ; {
		var a answer
		err := request(context.WithValue(ctx, answerKey{}, &a))
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if left--; left <= 0 || !temporary(err) {
			return s.explain(name, err, &a)
		}
		s.o.Log.Debug("S3 request failed, trying again", "object", s.of(name), "error", err)
		if err := s.o.Wait(ctx, max(wait/2+rand.N(wait/2), a.after)); err != nil {
			return err
		}
		wait = min(2*wait, slowest)
	}
}

// codes of errors that may not happen again. BadDigest and its like: bytes were damaged on the way to the store, which noticed.
var temporaryCodes = []string{"SlowDown", "SlowDownRead", "SlowDownWrite", "InternalError", "RequestTimeout", "ServiceUnavailable", "Throttling",
	"ThrottlingException", "RequestLimitExceeded", "RequestThrottled", "BadDigest", "XAmzContentSHA256Mismatch", "IncompleteBody", "OperationAborted"}

// temporary reports whether another attempt may help.
func temporary(err error) bool {
	if response := new(minio.ErrorResponse); errors.As(err, response) {
		status := response.StatusCode
		return slices.Contains(temporaryCodes, response.Code) || status == http.StatusRequestTimeout || status == http.StatusTooManyRequests ||
			status >= 500 && status != http.StatusNotImplemented && status != http.StatusInsufficientStorage && !full(response.Code)
	}
	var certificate *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	var dns *net.DNSError
	switch {
	case errors.As(err, &certificate), errors.As(err, &record), errors.Is(err, http.ErrSchemeMismatch), errors.Is(err, fs.ErrNotExist), errors.Is(err, artifact.ErrVerify):
		return false
	case errors.As(err, &dns):
		return !dns.IsNotFound
	}
	return true
}

// full reports whether a code says that the store has no room.
func full(code string) bool {
	return slices.Contains([]string{"QuotaExceeded", "QuotaExceededException", "XMinioStorageFull", "XMinioAdminBucketQuotaExceeded", "EntityTooLarge", "InsufficientCapacity"}, code)
}

// explain makes of an error what the user can do about it.
func (s *Store) explain(name string, err error, a *answer) error {
	what := s.String()
	if name != "" {
		what = s.of(name)
	}
	var response minio.ErrorResponse
	if !errors.As(err, &response) {
		return s.unreachable(what, err)
	}
	said := strings.TrimSuffix(strings.TrimSpace(response.Message), ".")
	if response.Code != "" && !strings.Contains(said, response.Code) {
		said = response.Code + ": " + said
	}
	store := s.core.EndpointURL().Host
	refused := func(format string, args ...any) error {
		return fmt.Errorf("%s: %s (%s)", what, fmt.Sprintf(format, args...), said)
	}
	switch code := response.Code; {
	case a.page:
		return artifact.Hint(fmt.Errorf("%s: %s answers with a page for people, status %d: it is not an S3 store", what, store, response.StatusCode), "name the address of the S3 API: --s3-endpoint https://HOST:PORT")
	case code == "NoSuchBucket":
		return artifact.Hint(fmt.Errorf("%s: %s has no bucket %q", what, store, s.bucket), "create the bucket, or check --s3-endpoint")
	case code == "NoSuchKey":
		return &fs.PathError{Op: "open", Path: what, Err: fs.ErrNotExist}
	case code == "RequestTimeTooSkewed":
		here := time.Now().UTC().Format(time.RFC3339)
		if !a.clock.IsZero() {
			return artifact.Hint(refused("the clocks differ: here it is %s, at the store %s", here, a.clock.UTC().Format(time.RFC3339)), "set the clock that is wrong: the store accepts a difference of 15 minutes")
		}
		return artifact.Hint(refused("the clock of the store differs from the one here: %s", here), "set the clock that is wrong: the store accepts a difference of 15 minutes")
	case code == "InvalidAccessKeyId", code == "SignatureDoesNotMatch", code == "InvalidToken", code == "ExpiredToken", code == "ExpiredTokenException", code == "TokenRefreshRequired", response.StatusCode == http.StatusUnauthorized:
		return artifact.Hint(refused("the store refuses the credentials"), "they are from %s: check them, and that they are for %s", s.keys.from, store)
	case full(code), response.StatusCode == http.StatusInsufficientStorage:
		return artifact.Hint(refused("the store has no room"), "make room in the bucket, or raise its quota, and run the same command again: it goes on from here")
	case code == "AccessDenied", code == "AllAccessDisabled", response.StatusCode == http.StatusForbidden:
		return artifact.Hint(refused("the store denies access"), "the credentials, from %s, need the rights to list the bucket, and to read objects and write them below s3://%s/%s: docs/bundles.md", s.keys.from, s.bucket, s.prefix)
	case code == "AuthorizationHeaderMalformed", code == "InvalidRegion", code == "PermanentRedirect", code == "TemporaryRedirect", code == "IllegalLocationConstraintException", response.StatusCode/100 == 3:
		if response.Region != "" {
			return artifact.Hint(refused("the bucket is in another region"), "--s3-region %s", response.Region)
		}
		return artifact.Hint(refused("the bucket is in another region, or at another endpoint"), "name its region: --s3-region REGION")
	case temporary(err):
		return artifact.Hint(refused("the store is overloaded or failing, after %d attempts", s.o.Attempts), "run the same command again later: it goes on from here")
	case code == "PreconditionFailed":
		return artifact.Verifyf("%s: the object was replaced while it was read", what)
	}
	return refused("the store answers %d", response.StatusCode)
}

// unreachable explains an error of the connection.
func (s *Store) unreachable(what string, err error) error {
	var hint *artifact.HintError
	if errors.As(err, &hint) || errors.Is(err, artifact.ErrVerify) {
		return err
	}
	store := s.core.EndpointURL()
	if asked := new(url.Error); errors.As(err, &asked) {
		err = asked.Err // the rest is the address, with the signature of the request
	}
	err = fmt.Errorf("%s: %s: %w", what, store.Host, err)
	var certificate *tls.CertificateVerificationError
	var authority x509.UnknownAuthorityError
	var record tls.RecordHeaderError
	var dns *net.DNSError
	switch {
	case errors.As(err, &certificate), errors.As(err, &authority):
		return artifact.Hint(err, "name the certificate authority of %s: --s3-ca FILE; or accept any certificate: --insecure", store.Host)
	case errors.As(err, &record), errors.Is(err, http.ErrSchemeMismatch):
		return artifact.Hint(err, "the store has no TLS: is its address --s3-endpoint http://%s?", store.Host)
	case errors.Is(err, os.ErrDeadlineExceeded):
		return artifact.Hint(err, "the connection made no progress for %s; run the same command again: it goes on from here", s.o.Stall)
	case errors.As(err, &dns), errors.Is(err, syscall.ECONNREFUSED):
		return artifact.Hint(err, "check --s3-endpoint, the network and the proxy settings (http_proxy, https_proxy)")
	}
	return artifact.Hint(err, "check the network; then run the same command again: it goes on from here")
}
