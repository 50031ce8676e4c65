package transfer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/containerd/containerd/v2/core/remotes/docker/auth"
	remoteerrors "github.com/containerd/containerd/v2/core/remotes/errors"
)

const (
	maxTokenAnswer = 1 << 20          // bytes
	tokenLife      = 60 * time.Second // where the service states none
	maxTokenLife   = 24 * time.Hour
	clientID       = "minimirror"
)

// A token is what a registry wants to see instead of a password, and where it comes from: distribution's "Token Authentication
// Specification". It is fetched when it is needed first, and again when it has expired or was refused.
type token struct {
	options auth.TokenOptions
	header  http.Header // for the service, where it is on the registry's own host
	slot    chan struct{}
	text    string
	expires time.Time
}

// newToken reads a registry's challenge. A password is not sent in the clear because the registry says so.
func newToken(r *http.Request, resp *http.Response, challenge auth.Challenge, login Login) (*token, error) {
	options, err := auth.GenerateTokenOptions(r.Context(), r.URL.Host, login.User, login.Secret, challenge)
	if err != nil {
		return nil, tokenError(r, err)
	}
	realm, err := url.Parse(options.Realm)
	switch {
	case err != nil:
		return nil, tokenError(r, err)
	case realm.Scheme != "https" && (realm.Scheme != "http" || resp.Request.URL.Scheme != "http") || realm.Host == "":
		return nil, tokenError(r, fmt.Errorf("it sends to %q for a token, which is not a safe place to send a password to", withoutQuery(options.Realm)))
	}
	if name := repositoryOf(r.URL); len(options.Scopes) == 0 && name != "" {
		options.Scopes = []string{"repository:" + name + ":pull"}
	}
	if len(options.Scopes) == 0 && isCatalog(r.URL) {
		options.Scopes = []string{"registry:catalog:*"}
	}
	t := &token{options: options, slot: make(chan struct{}, 1)}
	if realm.Host == r.URL.Host {
		t.header = maps.Clone(r.Header)
		maps.DeleteFunc(t.header, func(key string, _ []string) bool { return slices.Contains(public, key) })
	}
	return t, nil
}

// same returns old if it is for the same challenge, else nil.
func (t *token) same(old *token) *token {
	if old == nil {
		return nil
	}
	a, b := t.options, old.options
	if a.Realm != b.Realm || a.Service != b.Service || !slices.Equal(a.Scopes, b.Scopes) || a.Username != b.Username || a.Secret != b.Secret {
		return nil
	}
	return old
}

// value is that of Authorization. refused is the one that a server did not take; empty: none.
func (t *token) value(r *http.Request, base http.RoundTripper, userAgent, refused string) (string, error) {
	select {
	case t.slot <- struct{}{}:
		defer func() { <-t.slot }()
	case <-r.Context().Done():
		return "", context.Cause(r.Context())
	}
	if value := "Bearer " + t.text; t.text != "" && value != refused && time.Now().Before(t.expires) {
		return value, nil
	}
	if err := t.fetch(r.Context(), base, userAgent); err != nil {
		return "", tokenError(r, err)
	}
	return "Bearer " + t.text, nil
}

// fetch asks the service, as Docker and containerd do: with a password, for an OAuth token where it knows them.
func (t *token) fetch(ctx context.Context, base http.RoundTripper, userAgent string) error {
	client := &http.Client{Transport: tokenTransport{base}, CheckRedirect: func(r *http.Request, via []*http.Request) error {
		if err := checkRedirect(r, via); err != nil {
			return err
		}
		if r.URL.Host != via[0].URL.Host && t.options.Secret != "" {
			return fmt.Errorf("%w: with a password, to %s", errRedirected, r.URL.Host)
		}
		return nil
	}}
	header := http.Header{"User-Agent": {userAgent}}
	maps.Copy(header, t.header)
	begin := time.Now()
	if t.options.Secret != "" {
		answer, err := auth.FetchTokenWithOAuth(ctx, client, header, clientID, t.options)
		if err == nil {
			return t.set(answer.AccessToken, begin, answer.ExpiresInSeconds)
		}
		var status remoteerrors.ErrUnexpectedStatus
		unknown := errors.Is(err, auth.ErrNoToken) || errors.As(err, &status) && slices.Contains([]int{400, 401, 404, 405}, status.StatusCode)
		if t.options.Username == "" || !unknown {
			return err
		}
	}
	answer, err := auth.FetchToken(ctx, client, header, t.options)
	if err != nil {
		return err
	}
	return t.set(answer.Token, begin, answer.ExpiresInSeconds)
}

// set keeps a token for as long as the service says.
func (t *token) set(text string, begin time.Time, seconds int) error {
	if strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
		return errors.New("what it sends is not a token")
	}
	life := time.Duration(min(seconds, int(maxTokenLife/time.Second))) * time.Second
	if life <= 0 {
		life = tokenLife
	}
	t.text, t.expires = text, begin.Add(life)
	return nil
}

// tokenError is the error of a registry that could not be logged in to: of a refusal a StatusError with 401; a
// Temporary where the service is busy or does not answer.
func tokenError(r *http.Request, err error) error {
	text := fmt.Errorf("registry %s: log in: %w", r.URL.Host, err)
	var (
		status  remoteerrors.ErrUnexpectedStatus
		passing *Temporary
		asked   *url.Error
	)
	switch {
	case errors.As(err, &passing):
		return &Temporary{text, passing.After}
	case errors.As(err, &status):
		short := fmt.Sprintf("registry %s: log in: %s: the server answers %s", r.URL.Host, withoutQuery(status.RequestURL), status.Status)
		return &StatusError{Status: http.StatusUnauthorized, URL: r.URL, text: short}
	case errors.Is(err, errRedirected), errors.Is(err, errRedirects), IsCertificate(err), !errors.As(err, &asked):
		return &loginError{text}
	}
	return text // of the network
}

// A loginError is that a registry cannot be logged in to, for good.
type loginError struct{ error }

func (e *loginError) Unwrap() error { return e.error }

// A tokenTransport reads no more of an answer than a token can need, and tells a busy service from one that refuses.
type tokenTransport struct{ base http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (t tokenTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := t.base.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	if passing(resp.StatusCode) {
		resp.Body.Close()
		return nil, &Temporary{fmt.Errorf("the server answers %s", resp.Status), retryAfter(resp.Header)}
	}
	resp.Body = struct {
		io.Reader
		io.Closer
	}{io.LimitReader(resp.Body, maxTokenAnswer), resp.Body}
	return resp, nil
}
