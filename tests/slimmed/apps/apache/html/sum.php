<?php echo json_encode(["sum" => array_sum([1, 2, 3])]);
