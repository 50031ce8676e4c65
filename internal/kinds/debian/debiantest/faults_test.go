package debiantest_test

import (
	"io"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/minimirror/minimirror/internal/kinds/debian/debiantest"
)

// get returns the status, the announced length, the bytes read and the error of reading them.
func get(t *testing.T, url, ranges string) (code int, length int64, body string, err error) {
	t.Helper()
	req, err := http.NewRequest("GET", url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if ranges != "" {
		req.Header.Set("Range", ranges)
	}
	client := &http.Client{CheckRedirect: func(_ *http.Request, via []*http.Request) error {
		if len(via) >= 3 {
			return http.ErrUseLastResponse
		}
		return nil
	}}
	resp, err := client.Do(req)
	if err != nil {
		return 0, 0, "", err
	}
	defer func() { _ = resp.Body.Close() }()
	data, err := io.ReadAll(resp.Body)
	return resp.StatusCode, resp.ContentLength, string(data), err
}

func TestFaults(t *testing.T) {
	const path = "pool/main/a/a+b/a+b_1.0_all.deb"
	server := debiantest.Start(t, parse(t, "Package: a+b\nFiller: 3000\n"))
	url := server.URL + "/pool/main/a/a%2bb/a%2bb_1.0_all.deb"
	whole := string(server.Tree.Files[path])
	size := int64(len(whole))
	flipped := []byte(whole)
	flipped[len(whole)-1] ^= 0x20

	for _, c := range []struct {
		name   string
		fault  debiantest.Fault
		ranges string
		code   int
		length int64
		body   string
		broken bool
	}{
		{"status", debiantest.Status(429, "Retry-After", "1"), "", 429, 18, "Too Many Requests\n", false},
		{"redirect loop", debiantest.Redirect(""), "", 302, 0, "", false},
		{"replace", debiantest.Replace([]byte("<html>")), "", 200, 6, "<html>", false},
		{"flip", debiantest.Flip(-1), "", 200, size, string(flipped), false},
		{"truncate", debiantest.Truncate(100), "", 200, 100, whole[:100], false},
		{"append", debiantest.Append("more"), "", 200, size + 4, whole + "more", false},
		{"cut", debiantest.Cut(1000), "", 200, size, whole[:1000], true},
		{"cut a range", debiantest.Cut(1000), "bytes=1000-", 206, size - 1000, whole[1000:2000], true},
		{"drip", debiantest.Drip(1000, time.Millisecond), "", 200, size, whole, false},
		{"no length", debiantest.NoLength(), "", 200, -1, whole, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			server.Faults.Clear()
			server.Faults.On("pool/*.deb", c.fault)
			code, length, body, err := get(t, url, c.ranges)
			if code != c.code || length != c.length || body != c.body || (err != nil) != c.broken {
				t.Errorf("got %d, length %d, %d bytes, %v; want %d, %d, %d bytes, broken: %v",
					code, length, len(body), err, c.code, c.length, len(c.body), c.broken)
			}
			if got := server.Faults.Requests("pool/*"); len(got) == 0 || got[0] != path {
				t.Errorf("requests %q, want %s", got, path)
			}
		})
	}
}

func TestHoldAndRelease(t *testing.T) {
	server := debiantest.Start(t, parse(t, "Package: a\n"))
	reached, release := make(chan struct{}), make(chan struct{})
	server.Faults.On("*.deb", debiantest.Hold(10, reached, release))
	go func() {
		<-reached
		close(release)
	}()
	code, _, body, err := get(t, server.URL+"/pool/main/a/a/a_1.0_all.deb", "")
	if code != 200 || err != nil || body != string(server.Tree.Files["pool/main/a/a/a_1.0_all.deb"]) {
		t.Errorf("got %d, %d bytes, %v", code, len(body), err)
	}
}

func TestFirstRequestsAndSwap(t *testing.T) {
	server := debiantest.Start(t, parse(t, "Package: a\n"))
	newer, err := parse(t, "Suite: stable\nDate: 2024-06-01\nBy-Hash: yes\n\nPackage: a\nVersion: 2.0\n").Build()
	if err != nil {
		t.Fatal(err)
	}
	server.Faults.OnFirst(2, "dists/stable/InRelease", debiantest.Status(503))
	server.Faults.SwapAfter("dists/stable/Release", newer.KeepOld(server.Tree))
	var codes []int
	for _, path := range []string{
		"/dists/stable/InRelease", "/dists/stable/InRelease", "/dists/stable/InRelease", "/pool/main/a/a/a_2.0_all.deb",
		"/dists/stable/Release", "/pool/main/a/a/a_2.0_all.deb", "/pool/main/a/a/a_1.0_all.deb",
	} {
		code, _, _, err := get(t, server.URL+path, "")
		if err != nil {
			t.Fatal(err)
		}
		codes = append(codes, code)
	}
	if want := []int{503, 503, 200, 404, 200, 200, 200}; !slices.Equal(codes, want) {
		t.Errorf("got %v, want %v", codes, want)
	}
}
