package builder

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/atomicfile"
	"github.com/minimirror/minimirror/internal/yamledit"
)

// An Edit changes the requests of one section of a definition.
type Edit struct {
	Kind    string // name of the kind
	Section string // name of the section, if the kind has several
	Add     []string
	Remove  []string // requests as they are written, or their names
	// Replace means that a request of Add takes the place of one with the same name.
	Replace bool
	// IfNeeded means that what is there already is not added, and what is absent is not removed, without an error. A mere name is there
	// already if any request has it.
	IfNeeded bool
	DryRun   bool // nothing is written
}

// An Edited is what an Edit has changed.
type Edited struct {
	File      string   `json:"file"`
	Kind      string   `json:"kind"`
	Section   string   `json:"section,omitempty"`
	Added     []string `json:"added"`
	Removed   []string `json:"removed"`   // as they were written; a request that was replaced is one of them
	Unchanged []string `json:"unchanged"` // of the Edit
	Requests  []string `json:"requests"`  // all of the section
}

// EditDefinition edits a definition: a folder with a mirror.yaml, or a file. Either all of the edit is done, or nothing. Comments, order and form
// of the file stay. The result is checked as by Definition.Check before it replaces the file. Of edits at the same time, one waits for the other.
func EditDefinition(ctx context.Context, path string, kinds []artifact.Kind, edit Edit) (*Edited, error) {
	d, err := ReadDefinition(path, kinds)
	if err != nil {
		return nil, err
	}
	unlock, err := lockFolder(ctx, filepath.Dir(d.File))
	if err != nil {
		return nil, err
	}
	defer unlock()
	text, err := artifact.ReadFile(d.File)
	if err != nil {
		return nil, err
	}
	list, err := openList(d.File, text, kinds, edit.Kind, edit.Section)
	if err != nil {
		return nil, err
	}
	if err := list.edit(edit); err != nil {
		return nil, err
	}
	if bytes.Equal(list.doc.Text(), text) {
		return list.result, nil
	}
	changed := newDefinition(d.File)
	err = changed.parse(list.doc.Text(), kinds)
	if err == nil {
		err = changed.Check(kinds)
	}
	if err != nil {
		return nil, fmt.Errorf("nothing was changed, since the definition would be refused: %w", err)
	}
	if edit.DryRun {
		return list.result, nil
	}
	return list.result, replace(d.File, list.doc.Text())
}

// replace writes a file that exists, with the mode that it has.
func replace(file string, text []byte) error {
	info, err := os.Stat(file)
	if err != nil {
		return err
	}
	return atomicfile.Write(file, text, info.Mode().Perm())
}

// lockFolder waits until no other edit is under way in a folder.
func lockFolder(ctx context.Context, folder string) (unlock func(), err error) {
	f, err := os.Open(folder)
	if err != nil {
		return nil, err
	}
	for !atomicfile.TryLock(f) {
		select {
		case <-ctx.Done():
			f.Close()
			return nil, context.Cause(ctx)
		case <-time.After(50 * time.Millisecond):
		}
	}
	return func() { f.Close() }, nil
}

// A requestList is the list of a section's requests.
type requestList struct {
	doc     *yamledit.Document
	able    artifact.Lister
	section yamledit.Node
	what    string // the section, for people
	key     artifact.RequestList
	result  *Edited
}

func openList(file string, text []byte, kinds []artifact.Kind, kind, section string) (*requestList, error) {
	l := &requestList{result: &Edited{File: file, Kind: kind, Section: section, Added: []string{}, Removed: []string{}, Unchanged: []string{}, Requests: []string{}}}
	var names []string
	for _, k := range kinds {
		if names = append(names, k.Name()); k.Name() != kind {
			continue
		}
		var err error
		if l.able, err = artifact.Need[artifact.Lister](k, "be added or removed by name"); err != nil {
			return nil, err
		}
	}
	if l.able == nil {
		return nil, artifact.Usagef("unknown kind %q: there are %s", kind, strings.Join(names, ", "))
	}
	var err error
	if l.doc, err = yamledit.Parse(file, text); err != nil {
		return nil, err
	}
	part, found := l.doc.Root().Get(kind)
	if !found {
		return nil, artifact.Hint(fmt.Errorf("%s: the definition has no section %q", file, kind), "write the section first: what it requests, and from where")
	}
	if l.section, err = sectionOf(part, kind, section); err != nil {
		return nil, err
	}
	l.what = kind
	if name, found := l.section.Get("name"); found {
		l.result.Section, _ = name.Text()
		l.what += ": " + l.result.Section
	}
	return l, l.findKey()
}

// sectionOf is the section of that name, or the only one.
func sectionOf(part yamledit.Node, kind, name string) (found yamledit.Node, err error) {
	if !part.IsList() {
		if name != "" {
			return found, fmt.Errorf("%s: %s has one section without a name", part.Position(), kind)
		}
		return part, nil
	}
	var names []string
	for _, one := range part.Entries() {
		value, _ := one.Get("name")
		text, _ := value.Text()
		if text == name || name == "" && len(part.Entries()) == 1 {
			return one, nil
		}
		names = append(names, text)
	}
	if name == "" {
		return found, artifact.Hint(fmt.Errorf("%s: %s has several sections: %s", part.Position(), kind, strings.Join(names, ", ")), "name one: --section %s", names[0])
	}
	return found, fmt.Errorf("%s: %s has no section %q: there are %s", part.Position(), kind, name, strings.Join(names, ", "))
}

// findKey finds the key of the section that has the list, or may get one.
func (l *requestList) findKey() error {
	lists := l.able.RequestLists()
	var keys []string
	for _, list := range lists {
		if node, found := l.section.Get(list.Key); found {
			l.key = list
			if !node.IsList() {
				return fmt.Errorf("%s: %s: %s is not a list", node.Position(), l.what, list.Key)
			}
			return l.readRequests()
		}
		keys = append(keys, list.Key)
	}
	for _, list := range lists {
		if list.Optional {
			l.key = list
			return nil
		}
	}
	return fmt.Errorf("%s: %s has no list of requests that can be edited: %s is missing", l.section.Position(), l.what, strings.Join(keys, " or "))
}

// entries are those of the list, with their requests; an entry without one has the empty request.
func (l *requestList) entries() (nodes []yamledit.Node, requests []string) {
	list, found := l.section.Get(l.key.Key)
	if !found {
		return nil, nil
	}
	nodes = list.Entries()
	for _, entry := range nodes {
		text, isText := entry.Text()
		if !isText && l.key.EntryKey != "" {
			if value, found := entry.Get(l.key.EntryKey); found {
				text, isText = value.Text()
			}
		}
		if !isText {
			text = ""
		}
		requests = append(requests, text)
	}
	return nodes, requests
}

func (l *requestList) readRequests() error {
	_, all := l.entries()
	l.result.Requests = slices.DeleteFunc(all, func(r string) bool { return r == "" })
	if l.result.Requests == nil {
		l.result.Requests = []string{}
	}
	return nil
}

func (l *requestList) edit(edit Edit) error {
	for _, name := range edit.Remove {
		if err := l.remove(strings.TrimSpace(name), edit.IfNeeded); err != nil {
			return err
		}
	}
	for _, request := range edit.Add {
		if err := l.add(strings.TrimSpace(request), edit); err != nil {
			return err
		}
	}
	l.result.Requests = []string{}
	return l.readRequests()
}

func (l *requestList) add(request string, edit Edit) error {
	name, bare, err := l.able.RequestName(request)
	if err != nil {
		return fmt.Errorf("%s: %w", l.what, err)
	}
	nodes, requests := l.entries()
	var same []int
	for i, other := range requests {
		if other == "" {
			continue
		}
		if otherName, _, err := l.able.RequestName(other); other == request || err == nil && otherName == name {
			same = append(same, i)
		}
	}
	switch {
	case len(same) == 0:
		l.result.Added = append(l.result.Added, request)
		if len(nodes) == 0 {
			return l.section.AddList(l.key.Key, request)
		}
		list, _ := l.section.Get(l.key.Key)
		return list.Append(request)
	case edit.IfNeeded && bare && !edit.Replace, (edit.IfNeeded || edit.Replace) && slices.ContainsFunc(same, func(i int) bool { return requests[i] == request }):
		l.result.Unchanged = append(l.result.Unchanged, request)
		return nil
	case requests[same[0]] == request:
		return artifact.Hint(fmt.Errorf("%s: %s: %q is requested already", nodes[same[0]].Position(), l.what, request), "--if-needed accepts that")
	case !edit.Replace:
		return artifact.Hint(fmt.Errorf("%s: %s: %s is requested already, as %q", nodes[same[0]].Position(), l.what, name, requests[same[0]]), "--replace puts %q in its place; to request both, edit the file", request)
	case len(same) > 1:
		return artifact.Hint(fmt.Errorf("%s: %s: %s is requested %d times", nodes[same[0]].Position(), l.what, name, len(same)), "remove these requests first, or edit the file")
	}
	node := nodes[same[0]]
	if _, isText := node.Text(); !isText {
		node, _ = node.Get(l.key.EntryKey)
	}
	l.result.Added, l.result.Removed = append(l.result.Added, request), append(l.result.Removed, requests[same[0]])
	return node.SetText(request)
}

// remove removes the request that is written so, or else all requests with that name.
func (l *requestList) remove(name string, ifNeeded bool) error {
	_, requests := l.entries()
	wanted := func(request string) bool { return request == name }
	if name == "" {
		return artifact.Usagef("%s: an empty name", l.what)
	}
	if !slices.ContainsFunc(requests, wanted) {
		plain, bare, err := l.able.RequestName(name)
		wanted = func(request string) bool {
			other, _, errOther := l.able.RequestName(request)
			return bare && err == nil && errOther == nil && other == plain
		}
	}
	if !slices.ContainsFunc(requests, wanted) {
		if ifNeeded {
			l.result.Unchanged = append(l.result.Unchanged, name)
			return nil
		}
		return artifact.Hint(fmt.Errorf("%s: %s: %q is not requested", l.section.Position(), l.what, name), "--if-needed accepts that; a request is removed by its name, or as it is written")
	}
	for i := len(requests) - 1; i >= 0; i-- {
		if requests[i] == "" || !wanted(requests[i]) {
			continue
		}
		l.result.Removed = append(l.result.Removed, requests[i])
		list, _ := l.section.Get(l.key.Key)
		if len(list.Entries()) > 1 {
			if err := list.Remove(i); err != nil {
				return err
			}
			continue
		}
		if !l.key.Optional {
			return artifact.Hint(fmt.Errorf("%s: %s: %q is the last entry of %s, which cannot be empty", list.Position(), l.what, requests[i], l.key.Key), "remove the section instead")
		}
		if err := l.section.RemoveKey(l.key.Key); err != nil {
			return err
		}
	}
	return nil
}
