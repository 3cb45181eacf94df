// Package report prints the rows of a client written in Go: PASS, FAIL or NONE, the capability, and what was seen.
package report

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"time"
)

const limit = 60 * time.Second

// Check is one capability. It gives what the client saw, or nothing.
type Check struct {
	Name string
	Try  func(context.Context) (string, error)
}

// NotInLibrary is the error of a capability that the library does not have: a dash in the table.
type NotInLibrary string

func (why NotInLibrary) Error() string { return string(why) }

// None is the check of such a capability.
func None(name, why string) Check {
	return Check{name, func(context.Context) (string, error) { return "", NotInLibrary(why) }}
}

// Simple is a check that sees nothing worth a word.
func Simple(name string, try func(context.Context) error) Check {
	return Check{name, func(ctx context.Context) (string, error) { return "", try(ctx) }}
}

// Run prints a row for each.
func Run(checks []Check) {
	for _, check := range checks {
		verdict, seen := outcome(check)
		row := strings.Join(strings.Fields(verdict+" "+check.Name+" "+seen), " ")
		fmt.Println(row[:min(len(row), 300)])
	}
}

func outcome(check Check) (string, string) {
	type answer struct {
		seen string
		err  error
	}
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	answered := make(chan answer, 1)
	go func() {
		seen, err := check.Try(ctx)
		answered <- answer{seen, err}
	}()
	select {
	case got := <-answered:
		var none NotInLibrary
		switch {
		case errors.As(got.err, &none):
			return "NONE", none.Error()
		case got.err != nil:
			return "FAIL", got.err.Error()
		}
		return "PASS", got.seen
	case <-time.After(limit + time.Second):
		return "FAIL", fmt.Sprint("not done after ", limit)
	}
}

// Equal is an error unless both are the same.
func Equal(found, expected any) error {
	if reflect.DeepEqual(found, expected) {
		return nil
	}
	return fmt.Errorf("found %.120s, expected %.120s", fmt.Sprint(found), fmt.Sprint(expected))
}

// Texts is an error unless so many messages were taken and their values are these.
func Texts[Message any](taken []Message, err error, value func(Message) []byte, expected []string) error {
	if err != nil {
		return err
	}
	found := make([]string, 0, len(taken))
	for _, message := range taken {
		found = append(found, string(value(message)))
	}
	return Equal(found, expected)
}

// Soon waits for what a broker may show a moment after it said so, such as a change of a setting.
func Soon(ctx context.Context, holds func() (bool, error)) error {
	for {
		if held, err := holds(); held || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("it never was so: %w", ctx.Err())
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// Seen is what the client saw when the error is of that kind, and an error when it is another or none.
func Seen(err, expected error) (string, error) {
	if !errors.Is(err, expected) {
		return "", fmt.Errorf("found %v, expected %v", err, expected)
	}
	return expected.Error(), nil
}

// Compressible values, and those of a batch that is nearly as large as it may be.
func Compressible() []string { return repeated(strings.Repeat("again and again ", 20), 50) }
func LargeBatch() []string   { return repeated(strings.Repeat("x", 100), 5000) }

func repeated(text string, count int) (texts []string) {
	for range count {
		texts = append(texts, text)
	}
	return texts
}

// TooLarge is a value that no broker takes unless it is told to, also when it is compressed.
func TooLarge() []byte {
	value := make([]byte, 2_000_000)
	rand.Read(value)
	return value
}
