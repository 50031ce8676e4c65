package pypi

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
)

// indexAt is the address of a source's index on the mirror.
func indexAt(source, base string) string { return base + "/" + source + "/" + indexFolder + "/" }

// Usage implements artifact.Guide.
func (Kind) Usage(m artifact.Mirror, base string) string {
	if len(m.Sources) == 0 {
		return ""
	}
	var b strings.Builder
	b.WriteString("Python packages, for pip, uv and poetry:\n\n")
	for i := range m.Sources {
		fmt.Fprintf(&b, "  pip install --index-url %s", indexAt(m.Sources[i].Name, base))
		if u, err := url.Parse(base); err == nil && u.Scheme == "http" {
			fmt.Fprintf(&b, " --trusted-host %s", u.Hostname())
		}
		b.WriteString(" PROJECT\n")
	}
	fmt.Fprintf(&b, "\nminimirror kit IMAGE --address %s writes the configuration of pip, uv and poetry.\n", base)
	return b.String()
}

// authorityPath is where the authority of the mirror's certificate is on clients.
const authorityPath = "/etc/minimirror/python-ca.pem"

// Clients implements artifact.Guide. The mirror is the only index of each program: an index beside it could offer a project of the same name. Of several
// sources, it is the one called "pypi", else the first; a note names the others.
func (Kind) Clients(m artifact.Mirror, o artifact.ClientOptions) []artifact.Client {
	if len(m.Sources) == 0 {
		return nil
	}
	u, err := url.Parse(o.Base)
	if err != nil {
		return nil
	}
	first := max(0, slices.IndexFunc(m.Sources, func(s artifact.Source) bool { return s.Name == "pypi" }))
	c := &clients{ClientOptions: o, index: indexAt(m.Sources[first].Name, o.Base), host: u.Host, name: u.Hostname(), plain: u.Scheme != "https"}
	if c.plain {
		c.Authority = nil
	}
	for i := range m.Sources {
		if i != first {
			c.others = append(c.others, indexAt(m.Sources[i].Name, o.Base))
		}
	}
	return []artifact.Client{c.pip(), c.uv(), c.poetry(), c.environment()}
}

// clients make the configuration of programs that install Python packages.
type clients struct {
	artifact.ClientOptions
	index, host, name string // host has the port if there is one
	others            []string
	plain             bool // by HTTP
}

// client makes a client of a program's files.
func (c *clients) client(program, path, text string, shared bool, notes ...string) artifact.Client {
	files := []artifact.ClientFile{{Path: path, Data: []byte(text), Shared: shared}}
	if c.Authority != nil {
		files = append(files, artifact.ClientFile{Path: authorityPath, Data: c.Authority})
	}
	if len(c.others) > 0 {
		notes = append(notes, "The mirror also has the indexes "+strings.Join(c.others, ", ")+".")
	}
	return artifact.Client{Program: program, Files: files, Note: strings.Join(notes, " ")}
}

func (c *clients) header() string {
	return fmt.Sprintf("# Python packages from the mirror %s. Written by \"minimirror kit\".\n", c.Base)
}

// pip is the configuration for all users and virtual environments. PIP_CERT and REQUESTS_CA_BUNDLE of the environment come before it.
func (c *clients) pip() artifact.Client {
	text := c.header() + "[global]\nindex-url = " + c.index + "\ndisable-pip-version-check = true\n"
	if c.plain {
		text += "trusted-host = " + c.name + "\n"
	}
	if c.Authority != nil {
		text += "cert = " + authorityPath + "\n"
	}
	return c.client("pip", "/etc/pip.conf", text, true, "pip reads REQUESTS_CA_BUNDLE and CURL_CA_BUNDLE of the environment instead of the file of certificates: unset them.")
}

func (c *clients) uv() artifact.Client {
	text := c.header()
	if c.plain {
		text += fmt.Sprintf("allow-insecure-host = [%s]\n", quote(c.host))
	}
	text += fmt.Sprintf("\n[[index]]\nname = \"minimirror\"\nurl = %s\ndefault = true\n", quote(c.index))
	note := "uv reads this file from version 0.4.21 on; UV_DEFAULT_INDEX of the environment comes before it."
	if c.Authority != nil {
		note += " It takes the certificate from SSL_CERT_FILE=" + authorityPath + "."
	}
	return c.client("uv", "/etc/uv/uv.toml", text, true, note)
}

// poetry has no configuration of indexes but a project's own.
func (c *clients) poetry() artifact.Client {
	text := c.header() + fmt.Sprintf("[[tool.poetry.source]]\nname = \"minimirror\"\nurl = %s\ndefault = true # before poetry 1.5; from then on: priority = \"primary\"\n", quote(c.index))
	note := "poetry: add this to the pyproject.toml of each project."
	if c.Authority != nil {
		note += " Certificate: poetry config certificates.minimirror.cert " + authorityPath + "."
	}
	return c.client("poetry", "/etc/minimirror/poetry-source.toml", text, false, note)
}

// environment is for jobs that have no file of configuration, such as those of CI.
func (c *clients) environment() artifact.Client {
	text := c.header() + "PIP_INDEX_URL=" + c.index + "\nPIP_DISABLE_PIP_VERSION_CHECK=1\nUV_DEFAULT_INDEX=" + c.index + "\n"
	if c.plain {
		text += "PIP_TRUSTED_HOST=" + c.name + "\nUV_INSECURE_HOST=" + c.host + "\n"
	}
	if c.Authority != nil {
		text += "PIP_CERT=" + authorityPath + "\nSSL_CERT_FILE=" + authorityPath + "\n"
	}
	return c.client("python-environment", "/etc/minimirror/python.env", text, false, "Variables for jobs without a file of configuration; REQUESTS_CA_BUNDLE and CURL_CA_BUNDLE come before PIP_CERT: unset them.")
}

// quote writes a string of TOML.
func quote(text string) string {
	data, err := json.Marshal(text)
	if err != nil { // it is an address, which has been parsed
		return `""`
	}
	return string(data)
}
