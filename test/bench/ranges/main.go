// Command ranges is a bare client of a registry, for benchmarks: it reads layers in ranges, eight at a time, and does nothing with them. No
// server that reads from the registry can be faster.
//
//	ranges REPOSITORY DIGEST RANGE BYTES
//
// REPOSITORY is http://HOST/v2/NAME, DIGEST that of the image. It reads so many BYTES from the first layers, in ranges of RANGE bytes, and prints the rate.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"strconv"
	"sync"
	"time"
)

const connections = 8

type part struct {
	url      string
	from, to int64
}

func main() {
	if len(os.Args) != 5 {
		log.Fatal("usage: ranges REPOSITORY DIGEST RANGE BYTES")
	}
	repository, size, left := os.Args[1], number(os.Args[3]), number(os.Args[4])
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: connections, DisableCompression: true}}
	var parts []part
	for _, layer := range layers(client, repository, os.Args[2]) {
		for from := int64(0); from < layer.Size && left > 0; from += size {
			p := part{repository + "/blobs/" + layer.Digest, from, min(from+size, layer.Size, from+left)}
			parts = append(parts, p)
			left -= p.to - p.from
		}
	}
	next := make(chan part, len(parts))
	for _, p := range parts {
		next <- p
	}
	close(next)
	start, total := time.Now(), number(os.Args[4])-left
	var all sync.WaitGroup
	for range connections {
		all.Go(func() {
			for p := range next {
				p.read(client)
			}
		})
	}
	all.Wait()
	took := time.Since(start).Seconds()
	fmt.Printf("%d requests, %.0f MB in %.2f s: %.1f MB/s\n", len(parts), float64(total)/1e6, took, float64(total)/1e6/took)
}

type layer struct {
	Digest string
	Size   int64
}

func layers(client *http.Client, repository, digest string) []layer {
	r := request(repository + "/manifests/" + digest)
	r.Header.Set("Accept", "application/vnd.oci.image.manifest.v1+json")
	resp, err := client.Do(r)
	if err != nil {
		log.Fatal(err)
	}
	defer resp.Body.Close()
	var manifest struct{ Layers []layer }
	if err := json.NewDecoder(resp.Body).Decode(&manifest); err != nil || len(manifest.Layers) == 0 {
		log.Fatalf("%s: %s, %v", r.URL, resp.Status, err)
	}
	return manifest.Layers
}

func (p part) read(client *http.Client) {
	r := request(p.url)
	r.Header.Set("Range", fmt.Sprintf("bytes=%d-%d", p.from, p.to-1))
	resp, err := client.Do(r)
	if err != nil {
		log.Fatal(err)
	}
	defer resp.Body.Close()
	if n, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, resp.Body, make([]byte, 128<<10)); err != nil || n != p.to-p.from {
		log.Fatalf("%s: %s, %d bytes, %v", p.url, resp.Status, n, err)
	}
}

func request(url string) *http.Request {
	r, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		log.Fatal(err)
	}
	return r
}

func number(text string) int64 {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		log.Fatal(err)
	}
	return n
}
