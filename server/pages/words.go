package pages

import "fmt"

// humanSize writes a number of bytes for people: "21 bytes", "1.5 MB".
func humanSize(n int64) string {
	if n < 1000 {
		return countOf(n, "byte")
	}
	size, unit := float64(n)/1000, 0
	for size >= 999.95 && unit < len("kMGT")-1 {
		size, unit = size/1000, unit+1
	}
	return fmt.Sprintf("%.1f %cB", size, "kMGT"[unit])
}

// countOf writes a number of things: "1 name", "2 names".
func countOf(n any, thing string) string {
	text := fmt.Sprint(n)
	if text != "1" {
		thing += "s"
	}
	return text + " " + thing
}
