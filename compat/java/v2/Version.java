import java.util.Map;
import java.util.Set;
import org.apache.kafka.clients.admin.AdminClient;
import org.apache.kafka.clients.admin.Config;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.common.config.ConfigResource;

/** What is said otherwise with the client of 2.1: it has AlterConfigs only, and no static members. */
class Version {
    static final String NAME = "java-2";
    static final boolean STATIC_MEMBERS = false;

    static int partitions(AdminClient admin, String topic) throws Exception {
        return admin.describeTopics(Set.of(topic)).all().get().get(topic).partitions().size();
    }

    static void alter(AdminClient admin, ConfigResource resource, ConfigEntry entry) throws Exception {
        admin.alterConfigs(Map.of(resource, new Config(Set.of(entry)))).all().get();
    }
}
