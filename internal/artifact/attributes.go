package artifact

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Attributes distinguish items with the same name and version: {"architecture": "amd64"}.
// They are sorted by name; names are unique and not empty, and each has a value.
//
// In JSON they are an object whose values are strings, or lists of strings for
// several values.
type Attributes []Attribute

// An Attribute has one or more values, sorted and not empty.
type Attribute struct {
	Name   string
	Values []string
}

// NewAttributes sorts attributes and drops those without a value.
func NewAttributes(values map[string][]string) (all Attributes) {
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if list := values[name]; len(list) > 0 {
			sorted := slices.Clone(list)
			slices.Sort(sorted)
			all = append(all, Attribute{name, slices.Compact(sorted)})
		}
	}
	return all
}

// Values returns the values of a name; nil: there are none.
func (a Attributes) Values(name string) []string {
	for i := range a {
		if a[i].Name == name {
			return a[i].Values
		}
	}
	return nil
}

// Get returns the first value of a name, or "".
func (a Attributes) Get(name string) string {
	if values := a.Values(name); len(values) > 0 {
		return values[0]
	}
	return ""
}

// MarshalJSON implements json.Marshaler.
func (a Attributes) MarshalJSON() ([]byte, error) {
	text := []byte{'{'}
	var failed error
	add := func(value string) {
		if plainText(value) {
			text = append(append(append(text, '"'), value...), '"')
			return
		}
		piece, err := json.Marshal(value)
		text, failed = append(text, piece...), errors.Join(failed, err)
	}
	for i, attribute := range a {
		if i > 0 {
			text = append(text, ',')
		}
		add(attribute.Name)
		text = append(text, ':')
		if len(attribute.Values) == 1 {
			add(attribute.Values[0])
			continue
		}
		text = append(text, '[')
		for j, value := range attribute.Values {
			if j > 0 {
				text = append(text, ',')
			}
			add(value)
		}
		text = append(text, ']')
	}
	return append(text, '}'), failed
}

// UnmarshalJSON implements json.Unmarshaler.
func (a *Attributes) UnmarshalJSON(data []byte) error {
	if plain, ok := plainAttributes(data); ok {
		*a = plain
		return nil
	}
	var object map[string]json.RawMessage
	if err := json.Unmarshal(data, &object); err != nil {
		return err
	}
	*a = nil
	for _, name := range slices.Sorted(maps.Keys(object)) {
		var values []string
		if one := ""; json.Unmarshal(object[name], &one) == nil {
			values = []string{one}
		} else if err := json.Unmarshal(object[name], &values); err != nil {
			return fmt.Errorf("attribute %s: %w", name, err)
		}
		*a = append(*a, Attribute{name, values})
	}
	return nil
}

func (a Attributes) check() error {
	for i, attribute := range a {
		if attribute.Name == "" || len(attribute.Values) == 0 || attribute.Values[0] == "" || i > 0 && a[i-1].Name >= attribute.Name {
			return fmt.Errorf("attribute %q has no value, or is out of order", attribute.Name)
		}
		if !slices.IsSorted(attribute.Values) {
			return fmt.Errorf("attribute %q: its values are out of order", attribute.Name)
		}
	}
	return nil
}

// String is "architecture=amd64 channel=a,b".
func (a Attributes) String() string {
	parts := make([]string, len(a))
	for i, attribute := range a {
		parts[i] = attribute.Name + "=" + strings.Join(attribute.Values, ",")
	}
	return strings.Join(parts, " ")
}
