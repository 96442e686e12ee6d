package session

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"awsmfa/credentials"
)

func benchEntry(b *testing.B) Entry {
	token := make([]byte, 900)
	for i := range token {
		token[i] = 'A' + byte(i%26)
	}
	c, err := credentials.New("ASIAIOSFODNN7EXAMPLE", "secret/of/forty/characters/in/base64/abcd", string(token), time.Now().Add(12*time.Hour))
	if err != nil {
		b.Fatal(err)
	}
	return Entry{Key: Key{1}, Family: Key{1}, Credentials: c, Obtained: time.Now(), Granted: 12 * time.Hour}
}

func BenchmarkCacheLoad(b *testing.B) {
	c, e := Cache{Dir: filepath.Join(b.TempDir(), "sessions")}, benchEntry(b)
	if err := c.Store(e); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, ok, err := c.Load(e.Key, time.Now()); !ok || err != nil {
			b.Fatal(ok, err)
		}
	}
}

func BenchmarkMemoryLoad(b *testing.B) {
	dir := b.TempDir()
	files := []string{filepath.Join(dir, "config"), filepath.Join(dir, "credentials")}
	now := time.Now().Add(time.Hour)
	var states []string
	for _, f := range files {
		if err := os.WriteFile(f, []byte("text"), 0o600); err != nil {
			b.Fatal(err)
		}
		states = append(states, State(f, now))
	}
	env := NewRecorder(os.Getenv)
	env.Getenv("AWS_ENDPOINT_URL_STS")
	m := Memory{Dir: filepath.Join(dir, "requests")}
	if err := m.Store("dev", files, states, env, Remembered{Region: "eu-west-1"}); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, ok := m.Load("dev", files, now, os.Getenv); !ok {
			b.Fatal("not remembered")
		}
	}
}
