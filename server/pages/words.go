package pages

import "fmt"

// countOf writes a number of things: "1 name", "2 names".
func countOf(n any, thing string) string {
	text := fmt.Sprint(n)
	if text != "1" {
		thing += "s"
	}
	return text + " " + thing
}
