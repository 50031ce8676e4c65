package main

import "github.com/agext/levenshtein"

// suggest names the word that was probably meant, or is empty.
func suggest(word string, words []string) string {
	best, distance := "", 3 // two changes, or letters that changed places
	for _, w := range words {
		if d := levenshtein.Distance(word, w, nil); d < distance && d <= len(w)/2 {
			best, distance = w, d
		}
	}
	if best == "" {
		return ""
	}
	return ": did you mean " + best + "?"
}
