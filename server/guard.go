package server

import (
	"net/http"

	"github.com/labstack/echo/v4"
)

// guard refuses clients that have too many connections, and those that are not known. Whether the server is well, anybody may ask.
func (s *Server) guard(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		r, header := c.Request(), c.Response().Header()
		if s.limits.Crowded(r) && !s.access.Trusts(r) {
			header.Set("Connection", "close")
			header.Set("Retry-After", "5")
			return echo.NewHTTPError(http.StatusServiceUnavailable, "This client has too many connections.")
		}
		if r.URL.Path == "/healthz" || r.URL.Path == "/readyz" {
			return next(c)
		}
		e, _ := exchangeOf(r)
		if refusal := s.access.Login(r, &e.client, e); refusal != nil {
			header.Set(refusal.Header, refusal.Value)
			return echo.NewHTTPError(refusal.Status, refusal.Text)
		}
		return next(c)
	}
}
