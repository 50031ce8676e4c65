package images_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/minimirror/minimirror/builder"
	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/kinds/images/imagestest"
)

// debianRegistry runs Debian's registry until the test ends, and returns its host.
func debianRegistry(t *testing.T) string {
	t.Helper()
	program, err := exec.LookPath("docker-registry")
	if err != nil {
		t.Fatalf("%v\nhint: apt-get install docker-registry", err)
	}
	dir := t.TempDir()
	config := filepath.Join(dir, "config.yml")
	text := fmt.Sprintf("version: 0.1\nlog: {level: info, accesslog: {disabled: true}}\nstorage: {filesystem: {rootdirectory: %s}, delete: {enabled: true}}\nhttp: {addr: 127.0.0.1:0}\n", dir)
	if err := os.WriteFile(config, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, "serve", config)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH")} // REGISTRY_AUTH_FILE would be a setting
	said, err := cmd.StderrPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	for lines := bufio.NewScanner(said); lines.Scan(); {
		if _, address, ok := strings.Cut(lines.Text(), "listening on "); ok {
			go func() { _, _ = io.Copy(io.Discard, said) }() // its log must not stop it
			return strings.TrimSuffix(strings.Fields(address)[0], `"`)
		}
	}
	t.Fatal("docker-registry ended before it listened")
	return ""
}

// TestDebianRegistry locks what skopeo pushes to a real registry: it knows no referrers, and sends lists of tags as a whole.
func TestDebianRegistry(t *testing.T) {
	from, s, host := imagestest.New(t), newSite(t), debianRegistry(t)
	key, public := imagestest.NewKey(t)
	if err := os.WriteFile(filepath.Join(s.dir, "acme.pub"), public, 0o644); err != nil {
		t.Fatal(err)
	}
	index := from.MultiImage("acme/app", "1.4", "linux/amd64", "linux/arm64")
	sig := from.Sign("acme/app", index, key, imagestest.Tagged)
	from.Tag("acme/app", "docker", from.Index("acme/app", from.Image("acme/app", imagestest.Image{Docker: true})))
	from.Chart("charts/x", "0.1.0_build.5")
	cosign := strings.Replace(index.Digest.String(), ":", "-", 1) + ".sig"
	for _, name := range []string{"acme/app:1.4", "acme/app:docker", "acme/app:" + cosign, "charts/x:0.1.0_build.5"} {
		cmd := exec.Command("skopeo", "--insecure-policy", "copy", "--all", "--preserve-digests", "--src-tls-verify=false", "--dest-tls-verify=false", "docker://"+from.Host+"/"+name, "docker://"+host+"/"+name)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s\nhint: apt-get install skopeo", cmd, err, out)
		}
	}
	// Lists of referrers by tag, as clients write them where the registry does not keep them.
	sbom := from.SBOM("acme/app", index)
	push(t, host, "acme/app", from, sbom.Digest.String(), sbom.Digest.String(), sbom.MediaType)
	from.Set(imagestest.Options{NoReferrers: true})
	resp, err := http.Get(from.URL + "/v2/acme/app/manifests/" + strings.Replace(index.Digest.String(), ":", "-", 1))
	if err != nil {
		t.Fatal(err)
	}
	list, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	if err != nil {
		t.Fatal(err)
	}
	put(t, "http://"+host+"/v2/acme/app/manifests/"+strings.Replace(index.Digest.String(), ":", "-", 1), resp.Header.Get("Content-Type"), list)

	entries := func(url string) string {
		return fmt.Sprintf("  - { name: registry.example.org, from: %q, take: [ \"**:*\" ], platforms: all }\n", url)
	}
	l := s.must(entries("http://"+host), builder.LockOptions{})
	wantKeys(t, l, "acme/app:1.4/linux/amd64", "acme/app:1.4/linux/arm64", "acme/app:docker/linux/amd64", "charts/x:0.1.0_build.5")
	for i := range l.Items {
		for _, f := range l.Items[i].Files {
			answer, err := s.fetch.Ask(t.Context(), artifact.Request{URLs: f.URLs, Want: f.Content()})
			if err != nil {
				t.Errorf("%s: %v", f.Path, err)
				continue
			}
			answer.Close()
		}
	}
	amd := item(t, l, "acme/app:1.4/linux/amd64")
	if !has(amd, index) || !has(amd, sig) || !has(amd, sbom) {
		t.Errorf("%+v", amd.Files)
	}
	signed := strings.Replace(entries("http://"+host), `"**:*"`, `"acme/app:1.4"`, 1)
	s.must(strings.Replace(signed, "platforms", "verify: { cosign: [ acme.pub ] }, platforms", 1), builder.LockOptions{})
	_, err = s.lock(strings.Replace(signed, "1.4", "9", 1), builder.LockOptions{})
	if want := "registry.example.org/acme/app:9: upstream does not have this tag"; err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "hint: it has: 1.4, docker") {
		t.Errorf("%v, want %q", err, want)
	}
}

// push copies a manifest and its blobs to a registry.
func push(t *testing.T, host, repository string, from *imagestest.Registry, digest, reference, mediaType string) {
	t.Helper()
	data := from.Content(repository, digest)
	for _, part := range strings.Split(string(data), `"digest":"`)[1:] {
		blob, _, _ := strings.Cut(part, `"`)
		content := from.Content(repository, blob)
		if resp, err := http.Head("http://" + host + "/v2/" + repository + "/manifests/" + blob); err == nil && resp.StatusCode == http.StatusOK || content == nil {
			continue // the subject
		}
		resp, err := http.Post("http://"+host+"/v2/"+repository+"/blobs/uploads/", "", nil)
		if err != nil {
			t.Fatal(err)
		}
		put(t, resp.Header.Get("Location")+"&digest="+blob, "application/octet-stream", content)
	}
	put(t, "http://"+host+"/v2/"+repository+"/manifests/"+reference, mediaType, data)
}

func put(t *testing.T, address, mediaType string, data []byte) {
	t.Helper()
	req, err := http.NewRequest(http.MethodPut, address, bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", mediaType)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if text, _ := io.ReadAll(resp.Body); resp.StatusCode != http.StatusCreated {
		t.Fatalf("PUT %s: %s: %s", address, resp.Status, text)
	}
}
