import java.time.Duration;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

/** Prints the rows: PASS, FAIL or NONE, the capability, and what was seen. */
class Report {
    static final Duration LIMIT = Duration.ofSeconds(60);

    interface Attempt {
        /** What the client saw, or nothing. */
        String run() throws Exception;
    }

    interface Action {
        void run() throws Exception;
    }

    static void seen(String name, Attempt attempt) {
        // Each in a thread of its own, so that one that hangs is a row and not the end.
        var answer = CompletableFuture.supplyAsync(() -> {
            try {
                return "PASS " + name + " " + attempt.run();
            } catch (Throwable error) {
                return "FAIL " + name + " " + error;
            }
        }).completeOnTimeout("FAIL " + name + " not done after " + LIMIT, LIMIT.toMillis(), TimeUnit.MILLISECONDS);
        String row = answer.join().replaceAll("\\s+", " ").trim();
        System.out.println(row.substring(0, Math.min(row.length(), 300)));
    }

    static void check(String name, Action action) {
        seen(name, () -> {
            action.run();
            return "";
        });
    }

    static void equal(Object found, Object expected) {
        if (!Objects.equals(found, expected)) throw new AssertionError("found " + found + ", expected " + expected);
    }
}
