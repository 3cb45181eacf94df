import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.kafka.clients.admin.AdminClient;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.common.config.ConfigResource;

/** What is said otherwise with the client of 4.x. */
class Version {
    static final String NAME = "java-4";
    static final boolean STATIC_MEMBERS = true;

    static int partitions(AdminClient admin, String topic) throws Exception {
        return admin.describeTopics(Set.of(topic)).allTopicNames().get().get(topic).partitions().size();
    }

    static void alter(AdminClient admin, ConfigResource resource, ConfigEntry entry) throws Exception {
        var change = new AlterConfigOp(entry, AlterConfigOp.OpType.SET);
        admin.incrementalAlterConfigs(Map.of(resource, List.of(change))).all().get();
    }
}
