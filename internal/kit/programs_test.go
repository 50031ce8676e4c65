package kit_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/kit"
)

// programs are a client for every machine, and two for those that have a program.
func programs() kit.Kit {
	k := spec
	k.Clients = []artifact.Client{
		{Files: []artifact.ClientFile{{Path: "/etc/every.conf", Data: []byte("every\n")}}, Refresh: []string{"echo", "every"}},
		{Program: "one", Files: []artifact.ClientFile{{Path: "/etc/one/own.conf", Data: []byte("own\n")}}, Refresh: []string{"echo", "refreshed one"}, Note: "restart one"},
		{Program: "two", Files: []artifact.ClientFile{{Path: "/etc/two/shared.conf", Data: []byte("theirs\n"), Shared: true}}, Refresh: []string{"echo", "refreshed two"}},
	}
	return k
}

// TestPrograms shows that a machine gets the settings of a program only from the program's own folder.
func TestPrograms(t *testing.T) {
	all := files(t, programs())
	for _, name := range []string{"setup.sh", "cloud-init.yaml", "ansible-tasks.yaml"} {
		for folder, want := range map[string]string{"client/": "every.conf", "client/programs/one/": "own.conf", "client/programs/two/": "shared.conf"} {
			data := all[folder+name]
			for _, file := range []string{"every.conf", "own.conf", "shared.conf"} {
				if got := bytes.Contains(data, []byte(file)); got != (file == want) {
					t.Errorf("%s%s has %s: %t\n%s", folder, name, file, got, data)
				}
			}
			if filepath.Ext(name) == ".yaml" {
				if err := yaml.Unmarshal(data, new(any)); err != nil {
					t.Errorf("%s%s: %v\n%s", folder, name, err, data)
				}
			}
		}
	}
	if got := string(all["client/programs/one/files/etc/one/own.conf"]); got != "own\n" {
		t.Errorf("the file itself: %q", got)
	}
	readme := string(all["README.txt"])
	if !strings.Contains(readme, "\nclient/programs/one\nclient/programs/two\n\nclient/minimirror.asc") || strings.Contains(readme, "restart one") {
		t.Errorf("%s", readme)
	}
	if !strings.Contains(string(all["client/programs/one/setup.sh"]), "\necho 'restart one'\n") {
		t.Errorf("%s", all["client/programs/one/setup.sh"])
	}
	k := programs()
	k.Clients = k.Clients[1:]
	all = files(t, k)
	if all["client/setup.sh"] != nil || all["client/cloud-init.yaml"] != nil || strings.Contains(string(all["README.txt"]), "Its clients, one of") {
		t.Errorf("there is something for every machine: %s", all["README.txt"])
	}
	k.Clients[0].Program = "../one"
	made, err := kit.New(k)
	if err == nil {
		_, err = made.Files()
	}
	if err == nil {
		t.Error("a program outside its folder")
	}
}

// TestSharedFile runs the script on a machine that has such a file, with the same content and with another.
func TestSharedFile(t *testing.T) {
	script := string(files(t, programs())["client/programs/two/setup.sh"])
	for name, c := range map[string]struct {
		before, after string
		fails         bool
	}{"none": {"", "theirs\n", false}, "the same": {"theirs\n", "theirs\n", false}, "another": {"mine\n", "mine\n", true}} {
		dir := t.TempDir()
		file := filepath.Join(dir, "two/shared.conf")
		if c.before != "" {
			if err := errors.Join(os.Mkdir(filepath.Dir(file), 0o755), os.WriteFile(file, []byte(c.before), 0o644)); err != nil {
				t.Fatal(err)
			}
		}
		cmd := exec.Command("sh", "-c", "id() { echo 0; }\n"+strings.ReplaceAll(script, "/etc/two", dir+"/two"))
		out, err := cmd.CombinedOutput()
		after, _ := os.ReadFile(file)
		if (err != nil) != c.fails || string(after) != c.after || strings.Contains(string(out), "refreshed two") == c.fails {
			t.Errorf("%s: %v, %q\n%s", name, err, after, out)
		}
		example, _ := os.ReadFile(file + ".minimirror")
		if c.fails && (string(example) != "theirs\n" || !strings.Contains(string(out), file+" is there already")) || !c.fails && example != nil {
			t.Errorf("%s: the example is %q\n%s", name, example, out)
		}
	}
}

// TestAuthority takes certificates, and nothing else, for an address that has one.
func TestAuthority(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	secret := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})
	k := spec
	k.Address, k.Authority = "https://mirror.example.org", certificate
	all := files(t, k)
	if !bytes.Equal(all["client/mirror-ca.pem"], certificate) || !strings.Contains(string(all["README.txt"]), "client/mirror-ca.pem") {
		t.Errorf("%s", all["README.txt"])
	}
	for name, change := range map[string]func(k *kit.Kit){
		"plain HTTP":    func(k *kit.Kit) { k.Address = "http://mirror.example.org" },
		"a private key": func(k *kit.Kit) { k.Authority = slices.Concat(certificate, secret) },
		"damaged":       func(k *kit.Kit) { k.Authority = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der[1:]}) },
		"nothing":       func(k *kit.Kit) { k.Authority = []byte("x") },
	} {
		wrong := k
		change(&wrong)
		if _, err := kit.New(wrong); !errors.Is(err, artifact.ErrUsage) || !strings.Contains(err.Error(), "--mirror-ca") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
