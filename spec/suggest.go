package spec

import "fmt"

// suggest asks for the name that was probably meant, if one is near.
func suggest(got string, known []string) string {
	best, least := "", 3
	for _, k := range known {
		if tooFar := len(got)-len(k) >= least || len(k)-len(got) >= least; tooFar {
			continue
		}
		if d := distance(got, k); d < least && d < len(k) {
			best, least = k, d
		}
	}
	if best == "" {
		return ""
	}
	return didYouMean(best)
}

func didYouMean(name string) string { return fmt.Sprintf("did you mean %q?", name) }

// distance is the Levenshtein distance of two short names.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost = 1 + min(diagonal, row[j], row[j+1])
			}
			diagonal, row[j+1] = row[j+1], cost
		}
	}
	return row[len(b)]
}
