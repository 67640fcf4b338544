import java.io.File;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.HexFormat;
import org.apache.avro.Schema;
import org.apache.avro.SchemaNormalization;

/** Canonical.java SCHEMA... - prints the Parsing Canonical Form and the CRC-64-AVRO (little-endian) of schemas, by Apache's own library. */
public class Canonical {
    public static void main(String[] paths) throws Exception {
        for (String path : paths) {
            Schema schema = new Schema.Parser().parse(new File(path));
            byte[] crc = ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN).putLong(SchemaNormalization.parsingFingerprint64(schema)).array();
            System.out.println(SchemaNormalization.toParsingForm(schema) + "\t" + HexFormat.of().formatHex(crc));
        }
    }
}
