package transfer

import (
	"cmp"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"

	"github.com/containerd/containerd/v2/core/remotes/docker/auth"

	"github.com/minimirror/minimirror/internal/artifact"
)

const maxLogins = 2 // for one request

// A loginTransport sends the login that an address wants. Since it does so for each request, also for one that
// a redirect leads to, no login follows a redirect to another host.
type loginTransport struct {
	base   http.RoundTripper
	logins *logins
}

// RoundTrip implements http.RoundTripper.
func (t *loginTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	if isLocal(r.URL) || r.Header.Get("Authorization") != "" {
		return t.base.RoundTrip(r)
	}
	value, err := t.logins.unasked(r, t.base)
	if err != nil {
		return nil, err
	}
	for tries := 0; ; tries++ {
		out := r
		if value != "" {
			out = r.Clone(r.Context())
			out.Header.Set("Authorization", value)
		}
		resp, err := t.base.RoundTrip(out)
		if err != nil || resp.StatusCode != http.StatusUnauthorized || tries == maxLogins {
			return resp, err
		}
		next, err := t.logins.asked(r, resp, value, t.base)
		if err == nil && next == "" {
			return resp, nil
		}
		io.CopyN(io.Discard, resp.Body, 4<<10) // the connection can serve again
		resp.Body.Close()
		if err == nil {
			r, err = again(r)
		}
		if err != nil {
			return nil, err
		}
		value = next
	}
}

// again is a request to send once more, with its body from the beginning.
func again(r *http.Request) (*http.Request, error) {
	if r.Body == nil || r.Body == http.NoBody {
		return r, nil
	}
	if r.GetBody == nil {
		return nil, &Temporary{fmt.Errorf("%s: the server wants another login in the middle of a transfer", artifact.Redacted(r.URL.String())), 0}
	}
	body, err := r.GetBody()
	if err != nil {
		return nil, err
	}
	r = r.Clone(r.Context())
	r.Body = body
	return r, nil
}

// logins are the names and passwords that the user has stored, and what servers wanted to see of them.
type logins struct {
	access    []artifact.Access
	netrc     netrcFile
	userAgent string

	mu     sync.Mutex
	spaces map[string]*space
}

// A space is the addresses that one login opens: RFC 9110, section 11.5.
type space struct {
	basic string // the value of Authorization
	token *token
}

func newLogins(access []artifact.Access, userAgent string) *logins {
	return &logins{access: access, netrc: readNetrc(), userAgent: userAgent, spaces: make(map[string]*space)}
}

// repositoryOf is the repository of a registry that an address belongs to, by the OCI distribution specification 1.1,
// chapter "Endpoints"; empty: none.
func repositoryOf(u *url.URL) string {
	_, rest, found := strings.Cut(u.Path, "/v2/")
	if !found {
		return ""
	}
	end := 0
	for _, what := range []string{"/manifests/", "/blobs/", "/tags/", "/referrers/"} {
		end = max(end, strings.LastIndex(rest, what))
	}
	return rest[:end]
}

// ofRegistry reports whether an address belongs to a registry: to a repository, or it is the list of them.
func ofRegistry(u *url.URL) bool { return repositoryOf(u) != "" || isCatalog(u) }

// isCatalog reports whether an address is that of a registry's repositories, which is not a part of the specification any more.
func isCatalog(u *url.URL) bool { return strings.HasSuffix(u.Path, "/v2/_catalog") }

func (l *logins) space(u *url.URL) *space {
	key := u.Scheme + "://" + u.Host + "/" + repositoryOf(u)
	if isCatalog(u) {
		key += "_catalog"
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.spaces[key]
	if s == nil {
		s = &space{}
		l.spaces[key] = s
	}
	return s
}

// unasked is the Authorization that a request has from the beginning: what its server wanted before, or
// what is stored for its host. A registry says first what it wants.
func (l *logins) unasked(r *http.Request, base http.RoundTripper) (string, error) {
	s := l.space(r.URL)
	l.mu.Lock()
	basic, token := s.basic, s.token
	l.mu.Unlock()
	switch {
	case token != nil:
		return token.value(r, base, l.userAgent, "")
	case basic != "":
		return basic, nil
	case ofRegistry(r.URL):
		return "", nil
	}
	return basicOf(l.stored(r.URL)), nil
}

// asked is the Authorization that answers a server's challenge; empty: there is none, or it was refused.
func (l *logins) asked(r *http.Request, resp *http.Response, refused string, base http.RoundTripper) (string, error) {
	for _, challenge := range auth.ParseAuthHeader(resp.Header) {
		s := l.space(r.URL)
		switch challenge.Scheme {
		case auth.BearerAuth:
			login, err := l.find(r)
			if err != nil {
				return "", err
			}
			t, err := newToken(r, resp, challenge, login)
			if err != nil {
				return "", err
			}
			l.mu.Lock()
			s.token = cmp.Or(t.same(s.token), t)
			t = s.token
			l.mu.Unlock()
			return t.value(r, base, l.userAgent, refused)
		case auth.BasicAuth:
			login, err := l.find(r)
			if err != nil {
				return "", err
			}
			value := basicOf(login.userinfo())
			if value == refused {
				return "", nil
			}
			l.mu.Lock()
			s.basic = value
			l.mu.Unlock()
			return value, nil
		}
	}
	return "", nil
}

// find looks for the login that a challenge asks for. What the user has logged in to a registry with is sent to registries, and else
// only over TLS: whoever can change what comes over plain HTTP could ask for it, or lead there by a redirect.
func (l *logins) find(r *http.Request) (Login, error) {
	repository := repositoryOf(r.URL)
	stored := Login{}
	if user := l.stored(r.URL); user != nil {
		stored.User = user.Username()
		stored.Secret, _ = user.Password()
	}
	first := r
	for first.Response != nil && first.Response.Request != nil {
		first = first.Response.Request
	}
	if r.URL.Scheme != "https" && (!ofRegistry(r.URL) || first.URL.Host != r.URL.Host) {
		return stored, nil
	}
	if !ofRegistry(r.URL) && stored != (Login{}) {
		return stored, nil
	}
	login, err := RegistryLogin(r.URL.Host, repository)
	if err != nil || login != (Login{}) {
		return login, err
	}
	return stored, nil
}

// stored finds the name and password for an address that other programs would send, too.
func (l *logins) stored(u *url.URL) *url.Userinfo {
	for _, access := range l.access {
		if access.Login == nil {
			continue
		}
		if user := access.Login(u); user != nil {
			return user
		}
	}
	return l.netrc.login(u)
}

// hint says where a login can be put, or that the one there was refused.
func (l *logins) hint(err error, u *url.URL) error {
	if ofRegistry(u) {
		return RegistryHint(err, u.Host)
	}
	files, unreadable := l.netrc.files()
	for _, access := range l.access {
		files = append(append([]string{}, access.LoginFiles...), files...)
		unreadable = append(unreadable, access.Unreadable...)
	}
	switch {
	case l.stored(u) != nil:
		return artifact.Hint(err, "the login for %s was refused: see %s", u.Host, strings.Join(files, ", "))
	case len(unreadable) > 0:
		return artifact.Hint(err, "this user can't read %s: run as a user who can", strings.Join(unreadable, ", "))
	}
	machine := u.Host
	if u.Scheme == "http" && len(files) > 1 {
		machine = "http://" + machine
	}
	return artifact.Hint(err, "put \"machine %s login USER password PASSWORD\" into %s", machine, strings.Join(files, " or "))
}

// basicOf is the value of Authorization: RFC 7617. Nobody has none.
func basicOf(user *url.Userinfo) string {
	if user == nil {
		return ""
	}
	r := http.Request{Header: make(http.Header)}
	password, _ := user.Password()
	r.SetBasicAuth(user.Username(), password)
	return r.Header.Get("Authorization")
}
