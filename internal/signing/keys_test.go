package signing

import (
	"bytes"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/packet"

	verify "github.com/minimirror/minimirror/internal/openpgp"
)

var created = time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC)

// newKey writes a private key into a file. It is created at that time and expires so long after it; 0: never.
func newKey(t *testing.T, at time.Time, lasts time.Duration, change func(*openpgp.Entity)) string {
	t.Helper()
	config := &packet.Config{Algorithm: packet.PubKeyAlgoEdDSA, Curve: packet.Curve25519, Time: func() time.Time { return at }, KeyLifetimeSecs: uint32(lasts.Seconds())}
	entity, err := openpgp.NewEntity("test", "", "", config)
	if err != nil {
		t.Fatal(err)
	}
	entity.Subkeys = nil
	if change != nil {
		change(entity)
	}
	data, err := armored(openpgp.PrivateKeyType, func(w io.Writer) error { return entity.SerializePrivate(w, config) })
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "key.asc")
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// TestSeveralKeys has clients that know one of two keys verify what both sign.
func TestSeveralKeys(t *testing.T) {
	files := []string{newKey(t, created, 0, nil), newKey(t, created.AddDate(1, 0, 0), 0, nil)}
	keys, err := ReadAll(files, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	slices.Reverse(files)
	reversed, err := ReadAll(files, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	both, err := keys.At(created, nil)
	if err != nil {
		t.Fatal(err)
	}
	same, err := reversed.At(created, nil)
	if err != nil {
		t.Fatal(err)
	}
	text := []byte("Origin: x\n- dash\n\nDate: Mon, 06 May 2024 07:08:09 UTC\n")
	inline, err := both.ClearSign(text)
	if err != nil {
		t.Fatal(err)
	}
	detached, err := both.DetachSign(text)
	if err != nil {
		t.Fatal(err)
	}
	inlineAgain, _ := same.ClearSign(text)
	detachedAgain, _ := same.DetachSign(text)
	if !bytes.Equal(inline, inlineAgain) || !bytes.Equal(detached, detachedAgain) || !bytes.Equal(both.PublicKey(), same.PublicKey()) {
		t.Error("the order of the files changes what is made")
	}
	if infos, err := ReadPublic(both.PublicKey()); err != nil || !slices.Equal(infos, keys.Infos()) || len(infos) != 2 {
		t.Errorf("the public keyring has %v, %v", infos, err)
	}
	for _, key := range keys {
		alone, err := Keys{key}.At(created, nil)
		if err != nil {
			t.Fatal(err)
		}
		ring, err := verify.Parse(alone.PublicKey(), "test")
		if err != nil {
			t.Fatal(err)
		}
		if plain, by, err := ring.VerifyInline(inline, time.Now()); err != nil || !slices.Equal(by.Signers, []string{key.Fingerprint()}) || !bytes.Equal(plain, text) {
			t.Errorf("inline, %s: %v %v", key.Fingerprint(), by, err)
		}
		if by, err := ring.VerifyDetached(text, detached, time.Now()); err != nil || !slices.Equal(by.Signers, []string{key.Fingerprint()}) {
			t.Errorf("detached, %s: %v %v", key.Fingerprint(), by, err)
		}
		// gpgv, which apt runs, tells of the other key, and of this one that its signature is good.
		dir := t.TempDir()
		for name, data := range map[string][]byte{"InRelease": inline, "Release": text, "Release.gpg": detached, "key.asc": alone.PublicKey()} {
			if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		run(t, "gpg", "--homedir", dir, "--batch", "--output", dir+"/key.gpg", "--dearmor", dir+"/key.asc")
		for _, args := range [][]string{{dir + "/InRelease"}, {dir + "/Release.gpg", dir + "/Release"}} {
			out, _ := exec.Command("gpgv", append([]string{"--status-fd", "1", "--keyring", dir + "/key.gpg"}, args...)...).CombinedOutput() // fails for the other key
			if !strings.Contains(string(out), "VALIDSIG "+key.Fingerprint()) || strings.Contains(string(out), "BADSIG") || strings.Count(string(out), "NEWSIG") != 2 {
				t.Errorf("gpgv %s: %s", args, out)
			}
		}
		// Who signs alone for clients that know both keeps the other key in the keyring.
		kept, err := Keys{key}.At(created, both.PublicKey())
		if err != nil {
			t.Fatal(err)
		}
		if infos, err := ReadPublic(kept.PublicKey()); err != nil || !slices.Equal(infos, keys.Infos()) {
			t.Errorf("the keyring with the other key: %v, %v", infos, err)
		}
	}
}

func TestGivenTwice(t *testing.T) {
	file := newKey(t, created, 0, nil)
	if _, err := ReadAll([]string{file, file}, time.Now()); err == nil || !strings.Contains(err.Error(), "is given twice: in "+file+" and in "+file) {
		t.Error(err)
	}
}

func TestCheckFor(t *testing.T) {
	keys, err := ReadAll([]string{newKey(t, created, 0, nil), newKey(t, created, 0, nil)}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name    string
		sign    Keys
		clients []Info
		others  int
		err     string
	}{
		{"all", keys, keys.Infos(), 0, ""},
		{"one of two", keys[:1], keys.Infos(), 1, ""},
		{"another", keys[:1], keys[1:].Infos(), 0, "key " + keys[0].Fingerprint() + " did not build this image, but " + keys[1].Fingerprint()},
		{"one too many", keys, keys[1:].Infos(), 0, "key " + keys[0].Fingerprint() + " did not build this image"},
	} {
		others, err := c.sign.CheckFor(c.clients)
		if len(others) != c.others || (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("%s: %v, %v", c.name, others, err)
		}
	}
}

// TestUnusable says why a key cannot sign, at any time.
func TestUnusable(t *testing.T) {
	year := 365 * 24 * time.Hour
	lasting := newKey(t, created, year, nil)
	revoked := newKey(t, created, 0, func(e *openpgp.Entity) {
		if err := e.RevokeKey(packet.KeySuperseded, "", &packet.Config{Time: func() time.Time { return created.Add(time.Hour) }}); err != nil {
			t.Fatal(err)
		}
	})
	for _, c := range []struct {
		name, file string
		now        time.Time
		err        []string
	}{
		{"valid", lasting, created.Add(time.Hour), nil},
		{"on the last day", lasting, created.Add(year - time.Hour), nil},
		{"expired", lasting, created.Add(year + time.Hour), []string{" expired on 2025-05-06 07:08 UTC: clients refuse what it signs", "hint: take another key; or extend it with gpg --quick-set-expire"}},
		{"not yet valid", lasting, created.Add(-time.Hour), []string{" is valid from 2024-05-06 07:08 UTC on; this machine's clock says 2024-05-06 06:08 UTC", "hint: set the clock"}},
		{"revoked", revoked, created.Add(2 * time.Hour), []string{" is revoked", "hint: take another key"}},
	} {
		_, err := Read(c.file, c.now)
		if c.err == nil {
			if err != nil {
				t.Errorf("%s: %v", c.name, err)
			}
			continue
		}
		for _, part := range append(c.err, "signing key "+c.file+": key ") {
			if err == nil || !strings.Contains(err.Error(), part) {
				t.Errorf("%s: %v, want %q", c.name, err, part)
			}
		}
	}
}

// TestWarn warns of a key half a year before clients refuse it, and not before.
func TestWarn(t *testing.T) {
	days := func(n int) time.Duration { return time.Duration(n) * 24 * time.Hour }
	keys, err := ReadAll([]string{newKey(t, created, days(1000), nil)}, created)
	if err != nil {
		t.Fatal(err)
	}
	never, err := ReadAll([]string{newKey(t, created, 0, nil)}, created)
	if err != nil {
		t.Fatal(err)
	}
	end := created.Add(days(1000))
	for _, c := range []struct {
		name string
		keys Keys
		now  time.Time
		want string
	}{
		{"never expires", never, created.Add(days(20000)), ""},
		{"181 days before", keys, end.Add(-days(181)), ""},
		{"180 days before", keys, end.Add(-days(180)), "expires soon"},
		{"a day before", keys, end.Add(-days(1)), "expires soon"},
		{"a day after", keys, end.Add(days(1)), "has expired"},
	} {
		var log bytes.Buffer
		Warn(slog.New(slog.NewTextHandler(&log, nil)), c.keys.Infos(), c.now)
		if c.want == "" && log.Len() > 0 || !strings.Contains(log.String(), c.want) {
			t.Errorf("%s: %q, want %q", c.name, &log, c.want)
		}
		if c.want != "" && (!strings.Contains(log.String(), "key="+c.keys[0].Fingerprint()) || !strings.Contains(log.String(), "2027-01-31 07:08 UTC")) {
			t.Errorf("%s: %q", c.name, &log)
		}
	}
	if got := keys.Infos()[0].String(); got != keys[0].Fingerprint()+", expires 2027-01-31" {
		t.Error(got)
	}
}

// TestSubkeys lets a key expire when the subkey that signs does, though the primary key goes on.
func TestSubkeys(t *testing.T) {
	year := 365 * 24 * time.Hour
	file := newKey(t, created, 0, func(e *openpgp.Entity) {
		for i, lasts := range []time.Duration{2 * year, year} {
			config := &packet.Config{Algorithm: packet.PubKeyAlgoEdDSA, Curve: packet.Curve25519, KeyLifetimeSecs: uint32(lasts.Seconds()),
				Time: func() time.Time { return created.Add(time.Duration(i) * time.Hour) }}
			if err := e.AddSigningSubkey(config); err != nil {
				t.Fatal(err)
			}
		}
	})
	keys, err := ReadAll([]string{file}, created.Add(2*time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	signer, err := keys.At(created, nil)
	if err != nil {
		t.Fatal(err)
	}
	public, err := ReadPublic(signer.PublicKey())
	if err != nil {
		t.Fatal(err)
	}
	for _, info := range []Info{keys.Infos()[0], public[0]} {
		if want := created.Add(time.Hour + year); !info.Expires.Equal(want) || info.Fingerprint != keys[0].Fingerprint() {
			t.Errorf("%+v, want it to expire %s", info, want)
		}
	}
	// Then another key of the file signs.
	later, err := ReadAll([]string{file}, created.Add(year+2*time.Hour))
	if err != nil || !later.Infos()[0].Expires.Equal(created.Add(2*year)) {
		t.Errorf("%v, %v", later.Infos(), err)
	}
}
