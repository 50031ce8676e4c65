package http1

import (
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// BenchmarkSend compares the ways in which a file can follow its header, over loopback: gathered with the header and
// written at once, and by sendfile(2) behind a header that was sent or announced. It tells for which sizes bufferSize and
// announced are right for one client.
//
// Each round takes every way, and the best of the rounds counts: MB/s, and the processor's time for a request (of both
// sides, which other work on the machine disturbs less).
//
//	go test -run '^$' -bench Send -benchtime 20x ./internal/http1
func BenchmarkSend(b *testing.B) {
	const largest = 36_000_000
	path := filepath.Join(b.TempDir(), "file")
	if err := os.WriteFile(path, make([]byte, largest), 0o644); err != nil {
		b.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	for _, size := range []int64{5_000, 10_000, 20_000, 40_000, 60_000, 90_000, 200_000, 500_000, 1_000_000, 1_500_000, 2_000_000, 3_000_000, 4_000_000, largest} {
		b.Run(fmt.Sprintf("%dkB", size/1000), func(b *testing.B) {
			ways := []string{"sendfile", "announced-sendfile"}
			if size <= 90_000 {
				ways = append(ways, "gathered")
			}
			rates, costs := map[string]float64{}, map[string]float64{}
			for b.Loop() {
				for _, way := range ways {
					rate, cost := sendBy(b, way, f, size)
					rates[way] = max(rates[way], rate)
					if costs[way] == 0 || cost < costs[way] {
						costs[way] = cost
					}
				}
			}
			b.ReportMetric(0, "ns/op")
			for _, way := range ways {
				b.ReportMetric(rates[way], way+"-MB/s")
				b.ReportMetric(costs[way], way+"-cpu-µs")
			}
		})
	}
}

// sendBy answers requests on one connection, of 16 MB in all or at least four.
func sendBy(b *testing.B, way string, f *os.File, size int64) (rate, cost float64) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	count := max(4, 16<<20/size)
	go func() {
		nc, err := l.Accept()
		if err != nil {
			return
		}
		defer nc.Close()
		raw, _ := nc.(syscall.Conn).SyscallConn()
		c := &conn{net: nc, socket: newSocket(raw)}
		request, header, gathered := make([]byte, 200), make([]byte, 300), make([]byte, 300+90_000)
		for range count {
			if _, err := io.ReadFull(nc, request); err != nil {
				return
			}
			if way == "gathered" {
				f.ReadAt(gathered[300:300+size], 0)
				nc.Write(gathered[:300+size])
				continue
			}
			if strings.HasPrefix(way, "announced") {
				c.socket.write(header, unix.MSG_MORE)
			} else {
				nc.Write(header)
			}
			for at := int64(0); at < size; at += 512 << 10 { // as the server does
				if _, err := c.sendFile(f, at, min(512<<10, size-at)); err != nil {
					return
				}
			}
		}
	}()
	client, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		b.Fatal(err)
	}
	defer client.Close()
	request, answer := make([]byte, 200), make([]byte, 64<<10)
	began, before := time.Now(), cpuTime()
	for range count {
		client.Write(request)
		for left := 300 + size; left > 0; {
			n, err := client.Read(answer[:min(left, int64(len(answer)))])
			if err != nil {
				b.Fatal(err)
			}
			left -= int64(n)
		}
	}
	took, used := time.Since(began), cpuTime()-before
	return float64(count*size) / took.Seconds() / 1e6, float64(used.Microseconds()) / float64(count)
}

// cpuTime is what the processor has worked for this process.
func cpuTime() time.Duration {
	var used syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &used) != nil {
		return 0
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}
