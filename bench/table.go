package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"
)

// report prints the table. The first row is what the others are set against,
// round by round.
func report(w io.Writer, rows []*row) {
	base := rows[0]
	lines := [][]string{{"warm runs", "wall ms", "x empty", "goal", "faults", "x empty", "goal", "peak MB", "goal", "cpu ms"}}
	for _, r := range rows {
		wall, faults := r.ratio(base, sample.wallMS), r.ratio(base, sample.minorFaults)
		rss := r.median(sample.peak)
		lines = append(lines, []string{
			r.name,
			fmt.Sprintf("%.2f", r.median(sample.wallMS)), fmt.Sprintf("%.2f", wall), verdict(wall, r.goals.wall, r.goals.wallInterim),
			fmt.Sprintf("%.0f", r.median(sample.minorFaults)), fmt.Sprintf("%.2f", faults), verdict(faults, r.goals.faults, 0),
			fmt.Sprintf("%.1f", rss), verdict(rss, r.goals.rss, r.goals.rssInterim),
			fmt.Sprintf("%.2f", r.median(sample.cpuMS)),
		})
	}
	writeTable(w, lines)
	fmt.Fprintln(w, "\npeak MB: never below the measuring program's own, about what /bin/true shows")
	for _, r := range rows {
		if r.against != nil {
			growth := r.ratio(r.against, sample.wallMS)
			fmt.Fprintf(w, "%s: %.2f x the wall time of %s  %s\n", r.name, growth, r.against.name, verdict(growth, r.goals.growth, 0))
		}
	}
}

func (s sample) wallMS() float64      { return float64(s.wall.Nanoseconds()) / 1e6 }
func (s sample) cpuMS() float64       { return float64(s.cpu.Nanoseconds()) / 1e6 }
func (s sample) minorFaults() float64 { return s.faults }
func (s sample) peak() float64        { return s.rss }

func (r *row) median(of func(sample) float64) float64 {
	values := make([]float64, len(r.samples))
	for i, s := range r.samples {
		values[i] = of(s)
	}
	return median(values)
}

// ratio is the median over the rounds of this row's figure by base's of the same round.
func (r *row) ratio(base *row, of func(sample) float64) float64 {
	values := make([]float64, len(r.samples))
	for i, s := range r.samples {
		values[i] = of(s) / of(base.samples[i])
	}
	return median(values)
}

func median(values []float64) float64 {
	slices.Sort(values)
	middle := len(values) / 2
	if len(values)%2 == 1 {
		return values[middle]
	}
	return (values[middle-1] + values[middle]) / 2
}

// verdict names the goal and whether it is met; an interim goal that is met
// is named in place of a final one that is not.
func verdict(got, goal, interim float64) string {
	switch {
	case goal == 0:
		return ""
	case got <= goal:
		return fmt.Sprintf("<=%.1f met", goal)
	case interim > 0 && got <= interim:
		return fmt.Sprintf("<=%.1f missed, interim <=%.1f met", goal, interim)
	default:
		return fmt.Sprintf("<=%.1f MISSED", goal)
	}
}

// writeTable aligns the columns: the first and the goals to the left, figures to the right.
func writeTable(w io.Writer, lines [][]string) {
	widths := make([]int, len(lines[0]))
	for _, line := range lines {
		for i, cell := range line {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	for _, line := range lines {
		for i, cell := range line {
			pad := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell))
			if i == 0 || lines[0][i] == "goal" {
				cell += pad
			} else {
				cell = pad + cell
			}
			line[i] = cell
		}
		fmt.Fprintln(w, strings.TrimRight(strings.Join(line, "  "), " "))
	}
}
