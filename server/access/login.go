package access

import "net/http"

// A Refusal is the answer to a client that is not let in.
type Refusal struct {
	Status        int
	Text          string // for people
	Header, Value string // that goes with the status
}

// A Connection is where a request comes from.
type Connection interface {
	Gone() bool // reports whether the client has disconnected, as far as is known
}

// Login checks the name and the password that a request comes with, if passwords are asked for. The client gets that name, right
// or wrong. It returns nil if the client may go on.
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
