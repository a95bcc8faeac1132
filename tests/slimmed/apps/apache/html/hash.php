<?php echo hash("sha256", "pier"), " ", date("Y", 0);
