package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// asProgram is the environment's name of arguments with which the test is the program itself.
const asProgram = "MINIMIRROR_TEST_ARGUMENTS"

func TestMain(m *testing.M) {
	if args := os.Getenv(asProgram); args != "" {
		os.Exit(run(context.Background(), strings.Fields(args), os.Stdout, os.Stderr))
	}
	os.Exit(m.Run())
}

// A server does not end with those who read its log.
func TestServeWithoutReader(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	r.Close()
	defer w.Close()
	c := exec.Command("/proc/self/exe")
	c.Env = append(os.Environ(), asProgram+"=serve --image oci:x --root x") // wrong, which it says
	c.Stdout, c.Stderr = w, w
	err = c.Run()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 2 {
		t.Errorf("%v, want exit status 2", err)
	}
}

func TestLimitsBelowZero(t *testing.T) {
	for _, flag := range []string{"--max-connections -5", "--max-per-client -5", "--max-header -5", "--header-timeout -5s", "--idle-timeout -5s", "--grace -5s"} {
		var out strings.Builder
		code := run(context.Background(), append([]string{"serve"}, strings.Fields(flag)...), &out, &out)
		if code != 2 || !strings.Contains(out.String(), flag+": must not be negative") {
			t.Errorf("%s: %d, %s", flag, code, &out)
		}
	}
}

func TestNetworks(t *testing.T) {
	for text, want := range map[string]string{
		"10.0.0.7": "[10.0.0.7/32]", "10.0.0.0/8": "[10.0.0.0/8]", "2001:db8::/32": "[2001:db8::/32]", "::1": "[::1/128]",
		"::ffff:10.0.0.7": "[10.0.0.7/32]", // by IPv4, however it is written
		"fe80::1%eth0":    "[fe80::1/128]",
		"10.0.0.7/8":      "", "proxy": "", "": "", "fe80::1%eth0/64": "",
	} {
		got, err := networks([]string{text})
		if want == "" && err == nil || want != "" && (err != nil || fmt.Sprint(got) != want) {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
}
