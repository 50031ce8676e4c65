//go:build !linux

package server

import "net"

// sendMore sends what more follows at once.
func sendMore(c *net.TCPConn, p []byte) error {
	_, err := c.Write(p)
	return err
}
