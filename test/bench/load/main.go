// Command load is a crowd of clients for benchmarks: each requests files at random and compares their SHA-256.
//
//	load URL LIST CLIENTS SECONDS [verify]
//
// LIST has a line for each file, "SHA256 SIZE PATH", below URL. SECONDS 0 requests each file once. Without "verify", only sizes are
// compared. It prints requests, failures, MB and the rate. It exits with 1 if a request failed, and with 2 if an answer was complete and wrong.
package main

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

type file struct {
	sum, path string
	size      int64
}

func main() {
	if len(os.Args) < 5 {
		log.Fatal("usage: load URL LIST CLIENTS SECONDS [verify]")
	}
	files := read(os.Args[2])
	clients, seconds := number(os.Args[3]), number(os.Args[4])
	verify := len(os.Args) > 5
	transport := &http.Transport{MaxIdleConnsPerHost: clients, DisableCompression: true}
	client := &http.Client{Transport: transport, Timeout: 2 * time.Minute}
	var requests, failures, wrong, bytes, next atomic.Int64
	start := time.Now()
	end := start.Add(time.Duration(seconds) * time.Second)
	var all sync.WaitGroup
	for range clients {
		all.Go(func() {
			for {
				n := next.Add(1) - 1
				if seconds == 0 && n >= int64(len(files)) || seconds > 0 && time.Now().After(end) {
					return
				}
				f := &files[n%int64(len(files))]
				if seconds > 0 {
					f = &files[rand.IntN(len(files))]
				}
				requests.Add(1)
				if err := get(client, os.Args[1], f, verify); err != nil {
					if errors.Is(err, errWrong) {
						wrong.Add(1)
					}
					if failures.Add(1) <= 5 {
						log.Print(err)
					}
					continue
				}
				bytes.Add(f.size)
			}
		})
	}
	all.Wait()
	took := time.Since(start).Seconds()
	fmt.Printf("%d requests, %d failed, %.0f MB in %.2f s: %.1f MB/s\n", requests.Load(), failures.Load(), float64(bytes.Load())/1e6, took, float64(bytes.Load())/1e6/took)
	switch {
	case wrong.Load() > 0:
		log.Printf("%d answers were complete and wrong", wrong.Load())
		os.Exit(2)
	case failures.Load() > 0:
		os.Exit(1)
	}
}

var errWrong = errors.New("other content")

func get(client *http.Client, url string, f *file, verify bool) error {
	r, err := client.Get(url + "/" + f.path)
	if err != nil {
		return err
	}
	defer r.Body.Close()
	var to io.Writer = io.Discard
	sum := sha256.New()
	if verify {
		to = sum
	}
	n, err := io.Copy(to, r.Body)
	switch {
	case err != nil:
		return fmt.Errorf("%s: %w", f.path, err)
	case r.StatusCode != http.StatusOK:
		return fmt.Errorf("%s: %s", f.path, r.Status)
	case n != f.size || verify && hex.EncodeToString(sum.Sum(nil)) != f.sum:
		return fmt.Errorf("%s: %w, %d bytes", f.path, errWrong, n)
	}
	return nil
}

func read(name string) (files []file) {
	list, err := os.Open(name)
	if err != nil {
		log.Fatal(err)
	}
	defer list.Close()
	for lines := bufio.NewScanner(list); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		files = append(files, file{fields[0], fields[2], int64(number(fields[1]))})
	}
	return files
}

func number(text string) int {
	n, err := strconv.Atoi(text)
	if err != nil {
		log.Fatal(err)
	}
	return n
}
