package command

import (
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
)

// noVerb are the numbers of the list of bad input that no verb can meet yet,
// each with the reason; whoever adds the verb takes its number out.
var noVerb = map[int]string{
	82: "port in use: no verb listens on a port",
}

// Every bad input of the list has its phase in a script bad-*.txtar, headed
// "# case 17: …": 1 to 54 are command lines, files, profiles and codes, 69 to
// 90 network, programs and places. What lies between is about seeds at rest,
// which are not kept yet.
func TestBadInputIsCovered(t *testing.T) {
	files, err := filepath.Glob("testdata/script/bad-*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	covered := map[int]string{}
	heading := regexp.MustCompile(`(?m)^# case (\d+): .*\n(?:.*\n)*?(?:\[!?\w+\] )?(?:says|stdout|stderr|! stdout|calls) `)
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range heading.FindAllStringSubmatch(string(text), -1) {
			n, err := strconv.Atoi(found[1])
			if err != nil {
				t.Fatal(err)
			}
			covered[n] = file
		}
	}
	for n := 1; n <= 90; n++ {
		reason := noVerb[n]
		switch file := covered[n]; {
		case n > 54 && n < 69:
		case file == "" && reason == "":
			t.Errorf("case %d has no phase in any script", n)
		case file != "" && reason != "":
			t.Errorf("case %d is in %s: it is no exception any more (%s)", n, file, reason)
		}
	}
}
