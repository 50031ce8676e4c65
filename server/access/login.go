package access

import "net/http"

// A Refusal is the answer to a client that must not go on.
type Refusal struct {
	Status        int
	Text          string // for people
	Header, Value string // of the answer, as the status requires
}

// A Connection is the one that a request came by.
type Connection interface {
	Gone() bool // reports whether the client has disconnected, as far as is known
}

// Login checks the name and the password of a request, and sets the client's User to that name, whether or not it is right. It
// returns nil if the client may go on, and always where the Options have no Passwords.
func (g *Gate) Login(r *http.Request, c *Client, from Connection) *Refusal {
	if g.passwords == nil {
		return nil
	}
	name, password, given := r.BasicAuth()
	if !given {
		return unauthorized("This mirror requires a name and a password.")
	}
	c.User = name
	switch right, busy := g.passwords.right(r.Context(), c.Address, from, name, password); {
	case busy:
		return &Refusal{http.StatusServiceUnavailable, "Too many passwords from this client's network are being checked. Try again later.", "Retry-After", "1"}
	case !right:
		return unauthorized("The name or the password is wrong.")
	}
	return nil
}

func unauthorized(text string) *Refusal {
	return &Refusal{http.StatusUnauthorized, text, "WWW-Authenticate", `Basic realm="minimirror", charset="UTF-8"`}
}
