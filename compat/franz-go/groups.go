package main

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	. "gracchus/compat/report"
)

func groupChecks() []Check {
	const name = "franz-committed"
	return []Check{
		Simple("group-rebalance", rebalance),
		Simple("group-commit", func(ctx context.Context) error {
			if _, err := roundTrip(ctx, "committed", values("a", "b", "c")); err != nil {
				return err
			}
			reader := member("commits", kgo.ConsumeTopics(name))
			defer reader.Close()
			records, err := take(ctx, reader, 2)
			if err != nil {
				return err
			}
			if err := reader.CommitRecords(ctx, records...); err != nil {
				return err
			}
			found, err := admin.FetchOffsets(ctx, "franz-commits")
			if err != nil {
				return err
			}
			return Equal(found[name][0].At, int64(2))
		}),
		Simple("group-resume", func(ctx context.Context) error {
			reader := member("commits", kgo.ConsumeTopics(name))
			defer reader.Close()
			return texts(ctx, reader, "c")
		}),
		Simple("group-lag", func(ctx context.Context) error {
			found, err := admin.Lag(ctx, "franz-commits")
			if err != nil {
				return err
			}
			group := found["franz-commits"]
			if err := group.Error(); err != nil {
				return err
			}
			return Equal(group.Lag.Total(), int64(1))
		}),
	}
}

// counting is a member that says how many partitions it has.
func counting(name string) (*kgo.Client, *atomic.Int64) {
	var count atomic.Int64
	add := func(sign int) func(context.Context, *kgo.Client, map[string][]int32) {
		return func(_ context.Context, _ *kgo.Client, changed map[string][]int32) {
			count.Add(int64(sign * len(changed[name])))
		}
	}
	return member("shared", kgo.ConsumeTopics(name), kgo.OnPartitionsAssigned(add(1)), kgo.OnPartitionsRevoked(add(-1)),
		kgo.OnPartitionsLost(add(-1))), &count
}

func rebalance(ctx context.Context) error {
	const name = "franz-shared"
	if err := topic(ctx, name, 4); err != nil {
		return err
	}
	first, ofFirst := counting(name)
	defer first.Close()
	second, ofSecond := counting(name)
	defer second.Close()
	if err := until(ctx, func() bool { return ofFirst.Load() == 2 && ofSecond.Load() == 2 }); err != nil {
		return err
	}
	second.Close()
	return until(ctx, func() bool { return ofFirst.Load() == 4 })
}

func until(ctx context.Context, holds func() bool) error {
	for !holds() {
		select {
		case <-ctx.Done():
			return fmt.Errorf("the members do not share the partitions: %w", ctx.Err())
		case <-time.After(50 * time.Millisecond):
		}
	}
	return nil
}
