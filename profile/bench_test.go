package profile

import (
	"fmt"
	"strings"
	"testing"
)

// manyProfiles is a config of n role profiles after one key profile; the last
// is the one to ask for.
func manyProfiles(n int) (config, name string) {
	var b strings.Builder
	b.WriteString("[profile base]\n" + keyText + "mfa_serial = arn:aws:iam::111122223333:mfa/ann\n")
	for i := range n {
		fmt.Fprintf(&b, "\n[profile team-%d]\nrole_arn = arn:aws:iam::%012d:role/admin\nsource_profile = base\nregion = eu-west-1\noutput = json\n", i, i)
	}
	return b.String(), fmt.Sprintf("team-%d", n-1)
}

func BenchmarkLoadResolve(b *testing.B) {
	for _, n := range []int{10, 1000, 10000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			config, name := manyProfiles(n)
			paths := home(b, config, "").Paths()
			b.ReportAllocs()
			for b.Loop() {
				f, err := Load(paths)
				if err != nil {
					b.Fatal(err)
				}
				if _, err := f.Resolve(Request{Profile: name}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkSerialOfSameKey is the longest search: no profile on the key has a
// device, all others have.
func BenchmarkSerialOfSameKey(b *testing.B) {
	config, _ := manyProfiles(10000)
	config = strings.ReplaceAll(config, "output = json", "mfa_serial = arn:aws:iam::111122223333:mfa/ann")
	f := home(b, config+"\n[profile lone]\n"+strings.ReplaceAll(keyText, "AKIAIOS", "AKIAXXX"), "")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := f.Resolve(Request{Profile: "lone"}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkWarnings(b *testing.B) {
	config, _ := manyProfiles(10000)
	f := home(b, config, "")
	b.ReportAllocs()
	for b.Loop() {
		if n := len(f.Warnings()); n != 0 {
			b.Fatal(n)
		}
	}
}
