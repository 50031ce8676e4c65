package http1

import (
	"bytes"
	"net/http"
	"net/textproto"
	"net/url"
)

// maxPlainFields is how many fields the header of a plain request may have.
const maxPlainFields = 24

// A plainReader reads requests in the form that nearly all clients send: GET or HEAD of a path over HTTP/1.1, with one Host, no body, and ASCII
// characters only. It reuses the memory of the previous request of the connection. http.ReadRequest reads all other
// requests; FuzzPlain checks that both read the same request.
type plainReader struct {
	blank   http.Request // what every request has
	request http.Request
	url     url.URL
	header  http.Header
	values  [maxPlainFields]string
}

// init sets what the requests of a connection have in common.
func (p *plainReader) init(c *conn) {
	p.blank = *(&http.Request{
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Body: http.NoBody, RemoteAddr: c.remote, TLS: c.tls,
	}).WithContext(c.ctx)
	p.header = make(http.Header, 8)
}

// read returns the request at the start of data, and its length in bytes; or nil: http.ReadRequest is to read it.
func (p *plainReader) read(data []byte) (*http.Request, int) {
	end := bytes.Index(data, headerEnd)
	if end < 0 {
		return nil, 0
	}
	line, fields, _ := bytes.Cut(data[:end+2], crlf)
	method := http.MethodGet
	rest, found := bytes.CutPrefix(line, []byte("GET /"))
	if !found {
		method = http.MethodHead
		if rest, found = bytes.CutPrefix(line, []byte("HEAD /")); !found {
			return nil, 0
		}
	}
	rest, found = bytes.CutSuffix(rest, []byte(" HTTP/1.1"))
	if !found || !graphic(rest) {
		return nil, 0
	}
	clear(p.header)
	text := string(data[len(method)+1 : end+2]) // the memory of all that follows
	target := text[:1+len(rest)]
	host, n := "", 0
	for text = text[len(text)-len(fields):]; text != ""; {
		name, value, next, valid := plainField(text)
		if !valid || n == maxPlainFields {
			return nil, 0
		}
		text = next
		if name == "Host" {
			if host != "" || !plainHost(value) {
				return nil, 0
			}
			host = value
			continue
		}
		if special(name, value) || p.header[name] != nil {
			return nil, 0
		}
		p.values[n] = value
		p.header[name] = p.values[n : n+1 : n+1]
		n++
	}
	if host == "" {
		return nil, 0
	}
	p.url = url.URL{Path: target}
	if !unescaped(target) {
		u, err := url.ParseRequestURI(target)
		if err != nil {
			return nil, 0
		}
		p.url = *u
	}
	p.request = p.blank
	r := &p.request
	r.Method, r.URL, r.RequestURI, r.Host, r.Header = method, &p.url, target, host, p.header
	return r, end + len(headerEnd)
}

var crlf = []byte("\r\n")

// plainField cuts the first line off fields. The name is in its canonical form.
func plainField(fields string) (name, value, rest string, valid bool) {
	canonical, upper := true, true
	i := 0
	for ; i < len(fields) && fields[i] != ':'; i++ {
		switch b := fields[i]; {
		case 'a' <= b && b <= 'z':
			canonical = canonical && !upper
			upper = false
		case 'A' <= b && b <= 'Z':
			canonical = canonical && upper
			upper = false
		case '0' <= b && b <= '9':
			upper = false
		case b == '-':
			upper = true
		default:
			return "", "", "", false
		}
	}
	if i == 0 || i == len(fields) {
		return "", "", "", false
	}
	name = fields[:i]
	if !canonical {
		name = textproto.CanonicalMIMEHeaderKey(name)
	}
	start := i + 1
	for i = start; fields[i] != '\r'; i++ { // fields end with CRLF
		if fields[i] < ' ' || fields[i] > '~' {
			return "", "", "", false
		}
	}
	if i+1 == len(fields) || fields[i+1] != '\n' {
		return "", "", "", false
	}
	value = fields[start:i]
	for value != "" && value[0] == ' ' {
		value = value[1:]
	}
	for value != "" && value[len(value)-1] == ' ' {
		value = value[:len(value)-1]
	}
	return name, value, fields[i+2:], true
}

// special reports whether a field may say where a request ends, or what becomes of the connection, or is one that
// http.ReadRequest changes.
func special(name, value string) bool {
	switch name {
	case "Connection":
		return value != "keep-alive" && value != "Keep-Alive"
	case "Content-Length", "Transfer-Encoding", "Trailer", "Expect", "Pragma", "Upgrade":
		return true
	}
	return false
}

// plainHost reports whether a Host is a name or an address, with or without a port, of letters, digits and ".-:[]".
func plainHost(host string) bool {
	for i := range len(host) {
		switch b := host[i]; {
		case 'a' <= b && b <= 'z', 'A' <= b && b <= 'Z', '0' <= b && b <= '9', b == '.', b == '-', b == ':', b == '[', b == ']':
		default:
			return false
		}
	}
	return host != ""
}

// graphic reports whether text has visible ASCII characters only.
func graphic(text []byte) bool {
	for _, b := range text {
		if b <= ' ' || b > '~' {
			return false
		}
	}
	return true
}

// unescaped reports whether a target is the path that it stands for, and the only way to write that.
func unescaped(target string) bool {
	for i := range len(target) {
		switch b := target[i]; {
		case 'a' <= b && b <= 'z', 'A' <= b && b <= 'Z', '0' <= b && b <= '9':
		case b == '/', b == '-', b == '_', b == '.', b == '~', b == '+', b == ':', b == '=', b == '@', b == '&', b == '$', b == ',', b == ';':
		default:
			return false
		}
	}
	return true
}
