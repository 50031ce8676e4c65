// Shelves fills a registry for the end-to-end scripts, and compares two registries, by plain requests:
//
//	shelves fill http://HOST [REPOSITORIES [TAGS]]
//	shelves compare http://HOST http://OTHER PREFIX [REPOSITORY…]
//
// fill makes repositories with small images whose manifests have unknown fields and odd white space; indexes within indexes; signatures and other
// artifacts, as referrers and at tags; and four larger layers. Where the registry does not list referrers, tags do. compare prints what of the first
// registry the second one lacks, has with other bytes, or does not list as a referrer, a line each, then "N tags, N manifests, N blobs, N referrers, N
// missing or different"; its exit code is 1 if there is anything.
package main

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
)

const (
	manifestType = "application/vnd.oci.image.manifest.v1+json"
	indexType    = "application/vnd.oci.image.index.v1+json"
	dockerType   = "application/vnd.docker.distribution.manifest.v2+json"
	layerType    = "application/vnd.oci.image.layer.v1.tar+gzip"
	dockerLayer  = "application/vnd.docker.image.rootfs.diff.tar.gzip"
	dockerConfig = "application/vnd.docker.container.image.v1+json"
	configType   = "application/vnd.oci.image.config.v1+json"
	emptyType    = "application/vnd.oci.empty.v1+json"
)

func main() {
	log.SetFlags(0)
	switch args := os.Args[1:]; {
	case len(args) >= 2 && args[0] == "fill":
		fill(args[1], number(args, 2, 50), number(args, 3, 10))
	case len(args) >= 4 && args[0] == "compare":
		compare(args[1], args[2], args[3], args[4:])
	default:
		log.Fatal("usage: see the comment")
	}
}

func number(args []string, i, or int) int {
	if len(args) <= i {
		return or
	}
	n, err := strconv.Atoi(args[i])
	must(err)
	return n
}

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func digestOf(data []byte) string { return fmt.Sprintf("sha256:%x", sha256.Sum256(data)) }

type descriptor struct {
	MediaType string `json:"mediaType"`
	Digest    string `json:"digest"`
	Size      int    `json:"size"`
}

func (d descriptor) String() string {
	return fmt.Sprintf(`{ "mediaType":%q,"digest":%q, "size":%d, "x-unknown":{"b":1,"a":[ ]} }`, d.MediaType, d.Digest, d.Size)
}

// A place is a repository.
type place struct{ base, name string }

func (p place) blob(mediaType string, data []byte) descriptor {
	d := descriptor{mediaType, digestOf(data), len(data)}
	resp, err := http.Post(p.base+"/v2/"+p.name+"/blobs/uploads/", "", nil)
	must(err)
	resp.Body.Close()
	at, err := resp.Location()
	must(err)
	query := at.Query()
	query.Set("digest", d.Digest)
	at.RawQuery = query.Encode()
	put(at.String(), "application/octet-stream", data)
	return d
}

func put(address, mediaType string, data []byte) {
	req, err := http.NewRequest(http.MethodPut, address, bytes.NewReader(data))
	must(err)
	req.Header.Set("Content-Type", mediaType)
	resp, err := http.DefaultClient.Do(req)
	must(err)
	text, _ := io.ReadAll(resp.Body)
	resp.Body.Close()
	if resp.StatusCode != http.StatusCreated {
		log.Fatalf("%s: %s: %s", address, resp.Status, text)
	}
}

// manifest stores text; an empty tag: at its digest alone.
func (p place) manifest(mediaType, tag, text string) descriptor {
	d := descriptor{mediaType, digestOf([]byte(text)), len(text)}
	if tag == "" {
		tag = d.Digest
	}
	put(p.base+"/v2/"+p.name+"/manifests/"+tag, mediaType, []byte(text))
	return d
}

func (p place) image(mediaType, tag, architecture string, base descriptor, own []byte) descriptor {
	layer := p.blob(layerType, own)
	config := p.blob(configType, fmt.Appendf(nil, `{"architecture":%q,"os":"linux","created":"2026-11-01T00:00:00Z","rootfs":{"type":"layers","diff_ids":[%q,%q]}}`, architecture, base.Digest, layer.Digest))
	if mediaType == dockerType {
		base.MediaType, layer.MediaType, config.MediaType = dockerLayer, dockerLayer, dockerConfig
	}
	return p.manifest(mediaType, tag, fmt.Sprintf("{\n\t\"x-first\": null,\"schemaVersion\" : 2, \"mediaType\":%q, \"config\":%v,\r\n \"layers\":[%v , %v],\"annotations\":{\"z\":\"\\u00e9\",\"a\":\"\"} }\n\n", mediaType, config, base, layer))
}

func (p place) index(tag string, children ...descriptor) descriptor {
	var texts []string
	for _, d := range children {
		texts = append(texts, d.String())
	}
	return p.manifest(indexType, tag, fmt.Sprintf("  {\"schemaVersion\":2,\"mediaType\":%q,\"x-unknown\":[1,2.50, {}],\n\"manifests\":[%s]}", indexType, strings.Join(texts, ",\n   ")))
}

func (p place) attach(artifactType, tag string, subject descriptor) descriptor {
	config := p.blob(emptyType, []byte("{}"))
	layer := p.blob(artifactType, []byte(artifactType+" of "+subject.Digest))
	return p.manifest(manifestType, tag, fmt.Sprintf(`{"schemaVersion":2,"mediaType":%q,"artifactType":%q,"config":%v,"layers":[%v],"subject":%v}`, manifestType, artifactType, config, layer, subject))
}

func fill(base string, repositories, tags int) {
	http.DefaultTransport.(*http.Transport).MaxIdleConnsPerHost = atOnce
	slots := make(chan struct{}, atOnce)
	var all sync.WaitGroup
	for i := range repositories {
		slots <- struct{}{}
		all.Go(func() {
			place{base, fmt.Sprintf("team%d/app%02d", i%7, i)}.fill(i, tags)
			<-slots
		})
	}
	all.Wait()
}

// atOnce is how many repositories are filled at a time.
const atOnce = 8

// layerOf makes a layer of n random bytes. It is compressed, for skopeo compresses what is not.
func layerOf(random *rand.ChaCha8, n int) []byte {
	data := make([]byte, n)
	random.Read(data)
	var layer bytes.Buffer
	w := gzip.NewWriter(&layer)
	w.Write(data)
	w.Close()
	return layer.Bytes()
}

// fill fills repository i.
func (p place) fill(i, tags int) {
	random := rand.NewChaCha8([32]byte{1 + byte(i)})
	bytesOf := func(n int) []byte { return layerOf(random, n) }
	layer := p.blob(layerType, layerOf(rand.NewChaCha8([32]byte{}), 100_000)) // all have it
	if i < 4 {
		layer = p.blob(layerType, bytesOf(5_000_000))
	}
	for k := range tags {
		tag := fmt.Sprintf("1.%d", k)
		switch {
		case k == tags-1: // an index within an index, and what is attached: at tags, as a registry without lists of referrers has it
			amd, arm := p.image(manifestType, "", "amd64", layer, bytesOf(1000)), p.image(manifestType, "", "arm64", layer, bytesOf(1000))
			outer := p.index(tag, p.index("", amd, arm), p.image(dockerType, "", "s390x", layer, bytesOf(1000)))
			sbom, provenance := p.attach("application/spdx+json", "", amd), p.attach("application/vnd.in-toto+json", "", outer)
			signature := p.attach("application/vnd.example.signature", "", sbom)
			if _, lists := p.listed(amd.Digest); !lists {
				p.index(tagOf(amd), sbom)
				p.index(tagOf(outer), provenance)
				p.index(tagOf(sbom), signature)
			}
			p.image(manifestType, tagOf(outer)+".sig", "", p.blob(layerType, []byte("payload of "+outer.Digest)), bytesOf(100))
		case k%3 == 1:
			p.image(dockerType, tag, "amd64", layer, bytesOf(2000))
		default:
			p.image(manifestType, tag, "amd64", layer, bytesOf(2000))
		}
	}
}

func tagOf(d descriptor) string { return strings.ReplaceAll(d.Digest, ":", "-") }

// listed are the digests of the referrers of a manifest, and whether the registry itself lists them, or a tag.
func (p place) listed(digest string) (digests []string, lists bool) {
	data, _ := get(p.base+"/v2/"+p.name+"/referrers/"+digest, http.Header{})
	if lists = data != nil; !lists {
		data, _ = get(p.base+"/v2/"+p.name+"/manifests/"+tagOf(descriptor{Digest: digest}), http.Header{"Accept": {indexType}})
	}
	if data == nil {
		return nil, false
	}
	var index struct {
		Manifests []descriptor `json:"manifests"`
	}
	must(json.Unmarshal(data, &index))
	for _, d := range index.Manifests {
		digests = append(digests, d.Digest)
	}
	return digests, lists
}

// get reads; nil: it is not there.
func get(address string, header http.Header) ([]byte, http.Header) {
	req, err := http.NewRequest(http.MethodGet, address, nil)
	must(err)
	req.Header = header
	resp, err := http.DefaultClient.Do(req)
	must(err)
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	must(err)
	if resp.StatusCode == http.StatusNotFound {
		return nil, nil
	}
	if resp.StatusCode != http.StatusOK {
		log.Fatalf("%s: %s", address, resp.Status)
	}
	return data, resp.Header
}

// list reads a list of all pages.
func list(address, key string) (all []string) {
	for address != "" {
		data, header := get(address, http.Header{})
		var page map[string]json.RawMessage
		if data == nil {
			return all
		}
		must(json.Unmarshal(data, &page))
		var names []string
		must(json.Unmarshal(page[key], &names))
		all = append(all, names...)
		next, _, _ := strings.Cut(strings.TrimPrefix(header.Get("Link"), "<"), ">")
		if next == "" {
			break
		}
		base, err := url.Parse(address)
		must(err)
		u, err := base.Parse(next)
		must(err)
		address = u.String()
	}
	return all
}

// A comparison counts.
type comparison struct {
	from, to, prefix                           string
	tags, manifests, blobs, referrers, missing int
	seen                                       map[string]bool
}

func (c *comparison) wrong(format string, args ...any) {
	c.missing++
	fmt.Printf(format+"\n", args...)
}

func compare(from, to, prefix string, only []string) {
	c := &comparison{from: from, to: to, prefix: prefix, seen: map[string]bool{}}
	repositories := list(from+"/v2/_catalog?n=20", "repositories")
	for _, name := range repositories {
		if len(only) > 0 && !slices.Contains(only, name) {
			continue
		}
		for _, tag := range list(from+"/v2/"+name+"/tags/list", "tags") {
			c.tags++
			c.manifest(name, tag, tag)
		}
	}
	fmt.Printf("%d tags, %d manifests, %d blobs, %d referrers, %d missing or different\n", c.tags, c.manifests, c.blobs, c.referrers, c.missing)
	if c.missing > 0 || c.tags == 0 {
		os.Exit(1)
	}
}

// manifest compares one, and what it consists of.
func (c *comparison) manifest(name, reference, path string) {
	accept := http.Header{"Accept": {manifestType, indexType, dockerType, "application/vnd.docker.distribution.manifest.list.v2+json", "*/*"}}
	want, wantHeader := get(c.from+"/v2/"+name+"/manifests/"+reference, accept)
	got, header := get(c.to+"/v2/"+c.prefix+name+"/manifests/"+reference, accept)
	digest := digestOf(want)
	c.manifests++
	switch {
	case want == nil:
		log.Fatalf("%s: %s is not there", c.from, path)
	case got == nil:
		c.wrong("missing: %s:%s", name, path)
	case !bytes.Equal(got, want):
		c.wrong("different: %s:%s", name, path)
	case header.Get("Content-Type") != wantHeader.Get("Content-Type"):
		c.wrong("another type: %s:%s", name, path)
	}
	if c.seen[name+digest] {
		return
	}
	c.seen[name+digest] = true
	var m struct {
		Config    *descriptor  `json:"config"`
		Layers    []descriptor `json:"layers"`
		Manifests []descriptor `json:"manifests"`
		Subject   *descriptor  `json:"subject"`
	}
	must(json.Unmarshal(want, &m))
	if m.Subject != nil {
		c.referrers++
	}
	for _, child := range m.Manifests {
		c.manifest(name, child.Digest, path+" > "+child.Digest[7:19])
	}
	wanted, _ := place{c.from, name}.listed(digest)
	there, _ := place{c.to, c.prefix + name}.listed(digest)
	for _, referrer := range wanted {
		if !slices.Contains(there, referrer) {
			c.wrong("not listed: %s: the referrer %s of %s", name, referrer, path)
		}
		c.manifest(name, referrer, path+" < "+referrer[7:19])
	}
	if m.Config != nil {
		m.Layers = append(m.Layers, *m.Config)
	}
	for _, d := range m.Layers {
		if c.seen[name+d.Digest] {
			continue
		}
		c.seen[name+d.Digest] = true
		c.blobs++
		want, _ := get(c.from+"/v2/"+name+"/blobs/"+d.Digest, http.Header{})
		if got, _ := get(c.to+"/v2/"+c.prefix+name+"/blobs/"+d.Digest, http.Header{}); !bytes.Equal(got, want) {
			c.wrong("missing or different: %s: the blob %s of %s", name, d.Digest, path)
		}
	}
}
