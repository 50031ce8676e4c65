package kit

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"io/fs"
	"path"
	"regexp"
	"time"
)

// Chart packs the folder of a Helm chart as "helm package" does, and returns the archive's file name. The same
// files give the same bytes.
func Chart(charts fs.FS, name string) (file string, data []byte, err error) {
	about, err := fs.ReadFile(charts, path.Join(name, "Chart.yaml"))
	if err != nil {
		return "", nil, err
	}
	version := regexp.MustCompile(`(?m)^version: *"?([0-9A-Za-z.+-]+)"? *$`).FindSubmatch(about)
	if version == nil {
		return "", nil, errors.New("Chart.yaml has no version")
	}
	var b bytes.Buffer
	packed := gzip.NewWriter(&b)
	w := tar.NewWriter(packed)
	err = fs.WalkDir(charts, name, func(file string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		content, err := fs.ReadFile(charts, file)
		if err != nil {
			return err
		}
		if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: file, Mode: 0o644, Size: int64(len(content)), ModTime: time.Unix(0, 0)}); err != nil {
			return err
		}
		_, err = w.Write(content)
		return err
	})
	if err := errors.Join(err, w.Close(), packed.Close()); err != nil {
		return "", nil, err
	}
	return name + "-" + string(version[1]) + ".tgz", b.Bytes(), nil
}
